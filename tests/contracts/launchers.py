"""The contract of every launcher. A launcher's test inherits `LauncherContract`.

Runs are shell scripts, because every image for tests has a shell.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Observation, Phase, Run
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import NotFound, Reject
from tunelet.ports import Launcher

T = TypeVar("T")

IMAGE = "shell"
RUN = Run("default", "digits", "u1", 0, 1)
STDOUT = MetricsSource(step="step", objectives=("objective",))
PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.02


def script(text: str, run: Run = RUN, **fields: Any) -> Launch:
    """A launch with a shell script as training."""
    given: dict[str, Any] = {
        "code": {"image": IMAGE},
        "command": ("sh", "-c", text),
        "args": (),
        "env": {},
        "metrics": STDOUT,
    }
    return Launch(run=run, **(given | fields))


def until(look: Callable[[], T | None]) -> T:
    """Call `look` until its result is true; returns the result."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"never came true: {look}"
        time.sleep(POLL_SECONDS)
    return found


def ended(launcher: Launcher, run: Run = RUN) -> Outcome:
    """The outcome, once there is one."""
    return until(lambda: launcher.observe(run).outcome)


def gone(launcher: Launcher, run: Run = RUN) -> Observation:
    """Wait until a stopped run has ended or is gone; returns its observation."""
    seen = until(lambda: _unless_active(launcher.observe(run)))
    if seen.outcome is not None:
        assert (seen.outcome.verdict, seen.outcome.reason) == (Verdict.LOST, "stopped")
    return seen


def _unless_active(seen: Observation) -> Observation | None:
    return None if seen.phase is Phase.ACTIVE else seen


def values(observation: Observation) -> dict[int, dict[str, Any]]:
    return {report.step: report.values for report in observation.reports}


class LauncherContract:
    DIES = "kill -SEGV $$"
    """Of a signal."""

    @pytest.fixture
    def launcher(self) -> Iterator[Launcher]:
        """A launcher with nothing in it that knows `IMAGE` and has room for eight runs."""
        raise NotImplementedError

    def test_a_run_that_was_never_launched_is_absent(self, launcher: Launcher) -> None:
        assert launcher.observe(RUN) == Observation(phase=Phase.ABSENT)
        assert list(launcher.active("default", "digits")) == []
        with pytest.raises(NotFound):
            launcher.logs(RUN)
        launcher.stop(RUN)

    def test_a_run_that_gives_its_objective_is_complete(self, launcher: Launcher) -> None:
        launcher.launch(script("echo objective=0.5 loss=2; echo objective=0.25"))
        outcome = ended(launcher)
        assert outcome.verdict is Verdict.COMPLETE
        assert outcome.values == {"objective": 0.25, "loss": 2.0}
        assert values(launcher.observe(RUN)) == {
            1: {"objective": 0.5, "loss": 2.0},
            2: {"objective": 0.25},
        }

    def test_a_run_keeps_the_digest_of_the_launch_that_began_it(self, launcher: Launcher) -> None:
        launcher.launch(script("echo objective=1", digest="a1"))
        launcher.launch(script("echo objective=2", digest="b2"))
        assert ended(launcher).values == {"objective": 1.0}
        assert launcher.observe(RUN).digest == "a1"

    def test_a_run_without_its_objective_fails_and_the_reason_names_the_expected_form(
        self, launcher: Launcher
    ) -> None:
        launcher.launch(script("echo accuracy=0.5"))
        outcome = ended(launcher)
        assert outcome.verdict is Verdict.FAIL
        assert outcome.exit_code == 0
        assert "'objective'" in str(outcome.reason)
        assert "objective=0.93" in str(outcome.reason)

    def test_pushed_values_are_not_looked_for(self, launcher: Launcher) -> None:
        launcher.launch(script("echo objective=1", metrics=replace(STDOUT, source="push")))
        assert ended(launcher) == Outcome(verdict=Verdict.COMPLETE, exit_code=0)
        assert launcher.observe(RUN).reports == ()

    def test_a_failure_keeps_its_exit_code_and_last_lines(self, launcher: Launcher) -> None:
        launcher.launch(script("seq 100; printf 'é\\377 oops' >&2; exit 3"))
        outcome = ended(launcher)
        assert (outcome.verdict, outcome.exit_code) == (Verdict.FAIL, 3)
        lines = str(outcome.log_tail).split("\n")
        assert lines == [str(n) for n in range(82, 101)] + ["é\ufffd oops"]

    def test_a_signal_is_named(self, launcher: Launcher) -> None:
        launcher.launch(script(self.DIES))
        outcome = ended(launcher)
        assert (outcome.verdict, outcome.exit_code) == (Verdict.FAIL, 139)
        assert "SIGSEGV" in str(outcome.reason)

    def test_a_command_that_does_not_exist_fails_and_is_named(self, launcher: Launcher) -> None:
        launcher.launch(script("", command=("no-such-program",)))
        outcome = ended(launcher)
        assert outcome.verdict is Verdict.FAIL
        assert "no-such-program" in f"{outcome.reason} {outcome.log_tail}"

    def test_reports_come_while_it_runs_and_stay_the_same(self, launcher: Launcher) -> None:
        launcher.launch(script("echo step=7 loss=1; exec sleep 1000"))
        seen = until(lambda: launcher.observe(RUN).reports)
        assert seen == (Report(step=7, values={"loss": 1.0}),)
        assert launcher.observe(RUN) == Observation(phase=Phase.ACTIVE, reports=seen)
        assert b"".join(launcher.logs(RUN)) == b"step=7 loss=1\n"
        launcher.stop(RUN)
        left = gone(launcher)
        assert left.reports == seen or left.phase is Phase.ABSENT

    def test_a_stopped_run_is_not_a_success(self, launcher: Launcher) -> None:
        launcher.launch(script("echo objective=1; exec sleep 1000"))
        until(lambda: launcher.observe(RUN).reports)
        assert list(launcher.active("default", "digits")) == [RUN]
        launcher.stop(RUN)
        launcher.stop(RUN)
        gone(launcher)
        until(lambda: list(launcher.active("default", "digits")) == [])
        launcher.stop(RUN)

    def test_a_run_past_its_time_fails(self, launcher: Launcher) -> None:
        launcher.launch(script("echo objective=1; exec sleep 1000", timeout=0.3))
        outcome = ended(launcher)
        assert outcome.verdict is Verdict.FAIL
        assert "0.3 s" in str(outcome.reason)

    def test_racing_launches_start_it_once(self, launcher: Launcher) -> None:
        launch = script("echo started; sleep 0.2; echo objective=1")
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: launcher.launch(launch), range(8)))
        assert ended(launcher).verdict is Verdict.COMPLETE
        launcher.launch(launch)
        assert b"".join(launcher.logs(RUN)) == b"started\nobjective=1\n"

    def test_attempts_are_runs_of_their_own(self, launcher: Launcher) -> None:
        second = RUN._replace(attempt=2)
        for run in (RUN, second):
            launcher.launch(script(f"echo objective={run.attempt}", run))
        assert ended(launcher).values == {"objective": 1.0}
        assert ended(launcher, second).values == {"objective": 2.0}

    def test_active_runs_are_those_of_one_experiment_whatever_its_uid(
        self, launcher: Launcher
    ) -> None:
        runs = [RUN, RUN._replace(uid="u2"), RUN._replace(namespace="b")]
        runs.append(RUN._replace(experiment="other"))
        for run in runs:
            launcher.launch(script("exec sleep 1000", run))
        assert sorted(launcher.active("default", "digits")) == sorted(runs[:2])
        for run in runs:
            launcher.stop(run)
        for run in runs:
            gone(launcher, run)

    def test_an_ended_run_is_unsaved_until_it_is_marked(self, launcher: Launcher) -> None:
        active, other = RUN._replace(number=1), RUN._replace(experiment="other")
        launcher.launch(script("exec sleep 1000", active))
        launcher.launch(script("echo objective=1", other))
        launcher.launch(script("echo objective=1"))
        until(lambda: list(launcher.unsaved("default", "digits")) == [RUN])
        until(lambda: list(launcher.unsaved("default", "other")) == [other])
        launcher.saved(RUN)
        launcher.saved(RUN)
        launcher.saved(RUN._replace(number=7))
        assert list(launcher.unsaved("default", "digits")) == []
        assert list(launcher.unsaved("default", "other")) == [other]
        launcher.stop(active)
        gone(launcher, active)
        assert b"".join(launcher.logs(RUN)) == b"objective=1\n"

    def test_a_removed_run_is_not_unsaved(self, launcher: Launcher) -> None:
        launcher.launch(script("echo objective=1"))
        ended(launcher)
        launcher.remove("default", "digits", "u1")
        until(lambda: list(launcher.unsaved("default", "digits")) == [])

    def test_removing_an_experiment_forgets_its_ended_runs_only(self, launcher: Launcher) -> None:
        active, other = RUN._replace(number=1), RUN._replace(experiment="other")
        later = RUN._replace(uid="u2")
        launcher.launch(script("exit 0"))
        launcher.launch(script("exit 0", other))
        launcher.launch(script("exit 0", later))
        launcher.launch(script("exec sleep 1000", active))
        ended(launcher)
        ended(launcher, other)
        ended(launcher, later)
        # The run's end may be known a moment before it may be removed.
        until(lambda: RUN not in launcher.active("default", "digits"))
        launcher.remove("default", "digits", RUN.uid)
        launcher.remove("default", "digits", RUN.uid)
        assert launcher.observe(RUN).phase is Phase.ABSENT
        assert launcher.observe(active).phase is Phase.ACTIVE
        assert launcher.observe(other).phase is Phase.ENDED
        assert launcher.observe(later).phase is Phase.ENDED
        launcher.stop(active)
        gone(launcher, active)

    def test_a_run_that_can_never_start_is_refused(self, launcher: Launcher) -> None:
        with pytest.raises(Reject):
            launcher.launch(script("exit 0", code={}))
        assert launcher.observe(RUN).phase is Phase.ABSENT
