"""Worker processes and objectives that do not end when they are asked to."""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest

from adapters.launchers.function.launcher import FunctionLauncher
from adapters.launchers.function.worker import READY
from adapters.launchers.function.worker_starts import Forking, Spawning
from adapters.launchers.function.workers import Workers
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Phase, Run
from tunelet.core.trial import Outcome, Verdict
from tunelet.errors import Reject

# Else it would begin in the test and be named as a process that the test left.
resource_tracker.ensure_running()

GRACE = 0.3


def launch_of(number: int) -> Launch:
    return Launch(
        run=Run("default", "e", "uid", number, 1),
        code={"image": "function-objective"},
        command=(),
        args=(),
        env={"TUNELET_HYPERPARAMETERS": '{"x": 1.0}'},
        metrics=MetricsSource(objectives=("objective",)),
    )


Started = Callable[[Callable[..., Any]], FunctionLauncher]


@pytest.fixture
def started() -> Iterator[Started]:
    """Makes a launcher that calls the objective in forked workers."""
    made: list[Workers] = []

    def start(objective: Callable[..., Any]) -> FunctionLauncher:
        made.append(Workers(Forking(objective), GRACE))
        return FunctionLauncher(objective, 2, processes=made[-1])

    yield start
    for workers in made:
        workers.close()


def ended(launcher: FunctionLauncher, run: Run) -> Outcome:
    deadline = time.monotonic() + 20
    while (seen := launcher.observe(run)).phase is not Phase.ENDED:
        assert time.monotonic() < deadline, "the run did not end"
        time.sleep(0.01)
    assert seen.outcome is not None
    return seen.outcome


def test_an_objective_that_does_not_heed_a_stop_is_killed_and_the_next_run_begins(
    started: Started, tmp_path: Path
) -> None:
    def objective(params: dict[str, float], trial: Any) -> float:
        (tmp_path / "began").touch()
        while trial.number == 0:
            time.sleep(0.05)
        return params["x"]

    launcher, first, second = started(objective), launch_of(0), launch_of(1)
    launcher.launch(first)
    deadline = time.monotonic() + 20
    while not (tmp_path / "began").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    launcher.stop(first.run)
    killed = ended(launcher, first.run)
    assert killed.verdict is Verdict.LOST
    assert killed.reason == "its worker process was killed by SIGKILL"
    launcher.launch(second)
    assert ended(launcher, second.run).values == {"objective": 1.0}


def test_an_objective_that_obeys_a_stop_ends_by_itself(started: Started) -> None:
    def objective(params: dict[str, float], trial: Any) -> float:
        while not trial.should_prune():
            trial.report(params["x"])
        return params["x"]

    launcher, launch = started(objective), launch_of(0)
    launcher.launch(launch)
    launcher.stop(launch.run)
    assert ended(launcher, launch.run).verdict is Verdict.COMPLETE


def test_a_worker_that_dies_before_the_processes_that_it_forked_costs_one_attempt(
    started: Started, tmp_path: Path
) -> None:
    def objective(_: Any) -> float:
        forked = os.fork()
        if not forked:
            signal.pause()
        (tmp_path / "pid").write_text(str(forked))
        os.kill(os.getpid(), signal.SIGKILL)
        return 0.0

    launcher = started(objective)
    launcher.launch(launch_of(0))
    try:
        outcome = ended(launcher, launch_of(0).run)
        assert outcome.verdict is Verdict.LOST
        assert outcome.reason == "its worker process was killed by SIGKILL"
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def forks_and_dies(file: str) -> None:
    forked = os.fork()
    if not forked:
        signal.pause()
    Path(file).write_text(str(forked))
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    """An objective that ends the worker which loads it, and leaves a process there."""

    def __init__(self, file: str) -> None:
        self._file = file

    def __call__(self, _: Any) -> float:
        return 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return forks_and_dies, (self._file,)


def test_a_worker_that_dies_while_it_loads_is_seen_though_its_children_live(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    workers = Workers(Spawning(Deadly(str(file))), GRACE)
    try:
        with pytest.raises(Reject, match="was killed by SIGKILL"):
            workers.first()
    finally:
        os.kill(int(file.read_text()), signal.SIGKILL)
        workers.close()


def test_workers_take_one_call_after_another(started: Started) -> None:
    """A list shows it, of which each process has its own copy."""
    calls: list[int] = []

    def objective(params: dict[str, float]) -> float:
        calls.append(1)
        return float(len(calls))

    launcher = started(objective)
    for number in range(3):
        launcher.launch(launch_of(number))
        assert ended(launcher, launch_of(number).run).values == {"objective": number + 1.0}
    assert calls == []


def test_a_worker_that_cannot_be_forked_takes_no_others_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fork, forks = os.fork, count()

    def sometimes() -> int:
        if next(forks) == 2:
            raise OSError(errno.EAGAIN, "no process is left")
        return fork()

    monkeypatch.setattr(os, "fork", sometimes)
    starts = Forking(lambda _: 0.0)
    workers = [starts.start()]
    try:
        with pytest.raises(OSError, match="could not"):
            starts.start()
        workers.append(starts.start())
        assert [each.connection.recv()[0] for each in workers] == [READY, READY]
    finally:
        for each in workers:
            each.kill()
            each.exit_code()
        starts.close()
