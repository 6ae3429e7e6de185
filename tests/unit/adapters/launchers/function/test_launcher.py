"""Calls of a function as runs: when the launcher reports room, and what a call may report."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

import msgspec
import numpy as np
import pytest

from adapters.launchers.function.handle import Choices, FreeHandle
from adapters.launchers.function.launcher import FunctionLauncher
from adapters.launchers.function.printed import kept
from tests.contracts.launchers import until
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Phase, Run
from tunelet.core.trial import Chosen, Outcome, Verdict
from tunelet.errors import Throttled, TrialPruned


def launch(number: int) -> Launch:
    run = Run("default", "digits", "u1", number, 1)
    env = {"TUNELET_HYPERPARAMETERS": "{}"}
    source = MetricsSource(objectives=("objective",))
    return Launch(run, {"image": "f"}, command=(), args=(), env=env, metrics=source)


def test_room_is_reported_only_where_a_run_was_refused() -> None:
    go_on = threading.Event()
    launcher = FunctionLauncher(lambda _: float(go_on.wait(60)), 1)
    ended: list[str] = []
    room: list[tuple[str, str]] = []
    launcher.watch(lambda *_: ended.append("run"), lambda *whose: room.append(whose))
    launcher.launch(launch(0))
    go_on.set()
    until(lambda: len(ended) == 1)
    go_on.clear()
    launcher.launch(launch(1))
    with pytest.raises(Throttled):
        launcher.launch(launch(2))
    assert room == []
    go_on.set()
    until(lambda: room)
    assert room == [("default", "digits")]
    assert launcher.observe(launch(1).run).phase is Phase.ENDED
    launcher.launch(launch(2))


def test_calls_one_after_another_share_a_thread_that_is_named_after_the_run() -> None:
    seen: list[tuple[int, str]] = []

    def objective(_: Any) -> float:
        thread = threading.current_thread()
        seen.append((thread.native_id or 0, thread.name))
        return 0.0

    launcher = FunctionLauncher(objective, 1)
    for number in range(3):
        launcher.launch(launch(number))
        until(lambda: launcher.observe(launch(number).run).phase is Phase.ENDED)  # noqa: B023
    until(lambda: not launcher.lives())
    assert len({thread for thread, _ in seen}) == 1
    assert [name for _, name in seen] == [launch(number).run.name for number in range(3)]
    launcher.close()
    until(lambda: seen[0][0] not in {t.native_id for t in threading.enumerate()})


def outcome_of_run(objective: Callable[[Any, Any], Any]) -> Outcome:
    launcher = FunctionLauncher(objective, 1)
    launcher.launch(launch(0))
    until(lambda: launcher.observe(launch(0).run).phase is Phase.ENDED)
    found = launcher.observe(launch(0).run)
    assert found.outcome is not None
    msgspec.json.encode(found)
    return found.outcome


@pytest.mark.parametrize("step", ["a", 1.5, -1, 2**53, object()])
def test_a_step_that_is_no_step_fails_its_trial(step: Any) -> None:
    outcome = outcome_of_run(lambda _, trial: trial.report(0.5, step))
    assert outcome.verdict is Verdict.FAIL
    assert "is not an integer from 0" in str(outcome.reason)


def test_steps_of_other_libraries_are_integers() -> None:
    def objective(_: Any, trial: Any) -> float:
        for step in (np.int64(3), 4.0, True):
            trial.report(0.5, step)
        return 1.0

    launcher = FunctionLauncher(objective, 1)
    launcher.launch(launch(0))
    until(lambda: launcher.observe(launch(0).run).phase is Phase.ENDED)
    steps = [report.step for report in launcher.observe(launch(0).run).reports]
    assert [(type(step), step) for step in steps] == [(int, 3), (int, 4), (int, 1)]


def test_an_exception_may_have_any_text() -> None:
    def objective(_: Any, trial: Any) -> float:
        raise OSError("no file caf\udce9" + "y" * 5_000_000)

    outcome = outcome_of_run(objective)
    assert str(outcome.reason).startswith("the function raised OSError: no file caf?yy")
    assert len(str(outcome.reason)) == 1000
    assert str(outcome.log_tail).endswith("yy\n")


class _Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("there is no text")


@pytest.mark.parametrize("kind", [_Unprintable, type("Pruned", (_Unprintable, TrialPruned), {})])
def test_an_exception_without_a_text_ends_its_trial(kind: type[Exception]) -> None:
    def objective(_: Any, trial: Any) -> float:
        raise kind

    outcome = outcome_of_run(objective)
    pruned = issubclass(kind, TrialPruned)
    assert outcome.verdict is (Verdict.PRUNED if pruned else Verdict.FAIL)
    assert "its text cannot be shown" in str(outcome.reason)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"objective": 1.0, "\ud800": 2.0}, "the metric '\\ud800'"),
        ({"objective": 1.0, "a\x1b": 2.0}, "the metric 'a\\x1b'"),
        ({"objective": 1.0, **{f"m{n}": n for n in range(1000)}}, "1001 metrics"),
    ],
)
def test_metrics_that_no_trial_may_have_fail_it(answer: Any, why: str) -> None:
    outcome = outcome_of_run(lambda _, trial: answer)
    assert outcome.verdict is Verdict.FAIL
    assert why in str(outcome.reason)


def test_attributes_are_json() -> None:
    trial = FreeHandle(0, 0, lambda: None)
    trial.set_user_attr("layers", {1: (2, 3)})
    assert trial.user_attrs == {"layers": {"1": [2, 3]}}
    for key, value in (("\ud800", 1), ("a", "\ud800"), ("a", ["\udfff"]), ("a", float("nan"))):
        with pytest.raises(ValueError, match=r"surrogate|Out of range"):
            trial.set_user_attr(key, value)
    assert trial.user_attrs == {"layers": {"1": [2, 3]}}


def test_names_and_choices_of_hyperparameters_are_unicode() -> None:
    trial = FreeHandle(0, 0, lambda: None)
    calls: list[Callable[[], Any]] = [
        lambda: trial.suggest_float("\ud800", 0, 1),
        lambda: trial.suggest_int("\ud800", 0, 1),
        lambda: trial.suggest_categorical("\ud800", ["a"]),
        lambda: trial.suggest_categorical("c", ["a", 1, None, "\ud800"]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="half of a surrogate pair"):
            call()


def test_a_run_that_is_saved_is_forgotten_and_not_started_again() -> None:
    calls: list[int] = []

    def objective(_: Any) -> float:
        calls.append(1)
        return 0.0

    launcher = FunctionLauncher(objective, 1)
    run = launch(0).run
    launcher.launch(launch(0))
    until(lambda: launcher.observe(run).phase is Phase.ENDED)
    before = launcher.observe(run)
    launcher.saved(run)
    assert not launcher._calls
    assert launcher.observe(run) == before, "its end need not be in the log yet"
    launcher.launch(launch(0))
    until(lambda: not launcher.lives())
    assert len(calls) == 1


def test_what_is_kept_of_ended_runs_is_bounded() -> None:
    launcher = FunctionLauncher(lambda _: 0.0, 1, remembered=3)
    for number in range(5):
        run = launch(number).run
        launcher.launch(launch(number))
        until(lambda: not launcher.lives())
        launcher.saved(run)
    kept = [launcher.observe(launch(number).run).phase for number in range(5)]
    assert kept == [Phase.ABSENT, Phase.ABSENT, Phase.ENDED, Phase.ENDED, Phase.ENDED]


def test_a_run_that_is_saved_while_others_are_removed_is_not_lost() -> None:
    launcher = FunctionLauncher(lambda _: 0.0, 1)
    run = launch(0).run
    launcher.launch(launch(0))
    until(lambda: launcher.observe(run).phase is Phase.ENDED)
    saving = threading.Thread(target=launcher.saved, args=(run,))

    class Saved(dict[Run, Any]):
        def items(self) -> Any:
            found = list(super().items())
            saving.start()
            saving.join(0.2)
            return found

    launcher._saved = Saved()
    launcher.remove("default", "other", "u2")
    saving.join()
    assert launcher.observe(run).phase is Phase.ENDED


def test_the_output_of_an_ended_run_is_there_until_it_is_saved() -> None:
    def objective(_: Any) -> float:
        print("half of it")
        raise ValueError("no more")

    launcher = FunctionLauncher(objective, 1)
    run = launch(0).run
    with kept():
        launcher.launch(launch(0))
        until(lambda: launcher.observe(run).phase is Phase.ENDED)
    output = b"".join(launcher.logs(run)).decode()
    assert output.startswith("half of it\nTraceback")
    assert output.endswith("ValueError: no more\n")
    assert launcher.unsaved("default", "digits") == [run]
    launcher.saved(run)
    assert launcher.unsaved("default", "digits") == []


class Clumsy:
    """Choices of an algorithm that fails once it learns the outcome."""

    params: ClassVar[dict[str, Any]] = {}

    def chosen(self, attributes: Mapping[str, Any]) -> Chosen:
        return Chosen({"x": 1.0}, {}, dict(attributes))

    def end(self, *_: Any) -> None:
        raise RuntimeError("a bug of the algorithm")


def test_an_algorithm_that_fails_at_the_outcome_does_not_lose_it() -> None:
    launcher = FunctionLauncher(lambda _: 2.0, 1, begin=lambda run: cast(Choices, Clumsy()))
    for number in range(2):
        launcher.launch(launch(number))
        until(lambda: launcher.observe(launch(number).run).phase is Phase.ENDED)  # noqa: B023
        outcome = launcher.observe(launch(number).run).outcome
        assert outcome is not None
        assert (outcome.verdict, outcome.values) == (Verdict.COMPLETE, {"objective": 2.0})


def test_calls_at_the_same_time_have_different_slots() -> None:
    begun: dict[int, int] = {}
    ends = [threading.Event() for _ in range(4)]

    def objective(_: Any, trial: Any) -> float:
        begun[trial.number] = trial.slot
        ends[trial.number].wait(60)
        return 0.0

    launcher = FunctionLauncher(objective, 2)

    def begin(number: int) -> int:
        until(lambda: not refused(number))
        until(lambda: number in begun)
        return begun[number]

    def refused(number: int) -> bool:
        try:
            launcher.launch(launch(number))
        except Throttled:
            return True
        return False

    assert [begin(0), begin(1)] == [0, 1]
    ends[1].set()
    assert begin(2) == 1
    ends[0].set()
    assert begin(3) == 0
    for end in ends:
        end.set()
