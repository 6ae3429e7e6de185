"""A search inside this process: its steps, and what a trial of it costs."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from adapters.launchers.function.launcher import FunctionLauncher
from adapters.storage.memory import MemoryStore
from functions.hosting.in_process import Steps, searching
from functions.settings import Settings
from tests.contracts.launchers import until
from tunelet.core.installation import Installation
from tunelet.core.signal import COLLECT, FINISHED, SUGGEST, Signal
from tunelet.errors import NotFound, Retry

DIGITS = ("default", "digits")
REQUEST: dict[str, Any] = {
    "name": "digits",
    "model_training_code": "function",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "parallel_trials": 1,
}


class Recorder:
    """A service whose steps only record that they were taken, after raising `faults`."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.taken: list[tuple[str, str, str]] = []
        self.free = threading.Event()
        self.free.set()

    def suggest(self, namespace: str, name: str) -> None:
        self._step("suggest", namespace, name)

    def launch(self, namespace: str, name: str) -> None:
        self._step("launch", namespace, name)

    def collect(self, namespace: str, name: str, number: int | None = None) -> None:
        self._step("collect", namespace, name)

    def _step(self, kind: str, namespace: str, name: str) -> None:
        self.free.wait()
        if self.faults:
            raise self.faults.pop(0)
        self.taken.append((kind, namespace, name))


def steps_of(recorder: Recorder, act: Callable[[Steps], object]) -> None:
    steps = Steps()
    with steps.taken_by(recorder):  # type: ignore[arg-type]
        act(steps)
        until(lambda: recorder.taken)


@pytest.mark.parametrize("fault", [Retry("busy", after=0.01), RuntimeError("a bug")])
def test_a_step_that_failed_does_not_end_the_steps(fault: Exception) -> None:
    recorder = Recorder(fault)

    def act(steps: Steps) -> None:
        steps.publish(Signal(SUGGEST, *DIGITS))
        until(lambda: not recorder.faults)
        if not isinstance(fault, Retry):
            steps.publish(Signal(SUGGEST, *DIGITS))

    steps_of(recorder, act)
    assert recorder.taken == [("suggest", *DIGITS)]


def test_a_step_of_a_deleted_experiment_causes_no_error() -> None:
    recorder = Recorder(NotFound("deleted"))

    def act(steps: Steps) -> None:
        steps.publish(Signal(COLLECT, *DIGITS))
        until(lambda: not recorder.faults)
        steps.publish(Signal(COLLECT, "default", "other"))

    steps_of(recorder, act)
    assert recorder.taken == [("collect", "default", "other")]


def test_equal_signals_that_wait_are_one_step() -> None:
    recorder = Recorder()
    recorder.free.clear()

    def act(steps: Steps) -> None:
        steps.publish(Signal(FINISHED, *DIGITS))  # only users take it
        for _ in range(5):
            steps.publish(Signal(SUGGEST, *DIGITS))
        recorder.free.set()

    steps_of(recorder, act)
    assert 1 <= recorder.taken.count(("suggest", *DIGITS)) <= 2


class CountedStore(MemoryStore):
    created = 0

    def create(self, key: str, data: bytes) -> bool:
        self.created += "/journal/" in key
        return super().create(key, data)


def search(store: MemoryStore, objective: Callable[..., Any], trials: int) -> Any:
    settings = Settings(store="", secret=bytes(16), launcher="", lease_seconds=60)
    own = Installation("here", 1)
    with searching(settings, store, FunctionLauncher(objective, 1), own) as service:
        service.submit({**REQUEST, "max_trials": trials})
        return until(lambda: (e := service.experiment(*DIGITS)).over and e)


def test_a_trial_of_a_function_is_one_entry_of_the_log() -> None:
    store = CountedStore()
    found = search(store, lambda params: params["x"], 30)
    assert found.ended.complete == 30
    # The submission, the first suggestion, and now and then a start that was seen before the end.
    assert store.created <= 30 + 10


def test_a_long_trial_is_soon_running_with_the_right_time() -> None:
    seen, go_on = threading.Event(), threading.Event()

    def objective(params: dict[str, float]) -> float:
        seen.set()
        assert go_on.wait(60)
        return params["x"]

    settings = Settings(store="", secret=bytes(16), launcher="", lease_seconds=60)
    launcher = FunctionLauncher(objective, 1)
    with searching(settings, MemoryStore(), launcher, Installation("here", 1)) as service:
        service.submit({**REQUEST, "max_trials": 1})
        assert seen.wait(60)
        trial = until(lambda: (t := service.trial(*DIGITS, 0)).started_at is not None and t)
        assert trial.started_at is not None
        assert trial.started_at >= trial.created_at
        go_on.set()
        until(lambda: service.experiment(*DIGITS).over)


def test_a_signal_that_is_due_is_not_put_off_by_a_later_one() -> None:
    recorder = Recorder()
    steps = Steps()
    steps.publish(Signal(COLLECT, *DIGITS))
    steps._lines[COLLECT].put(Signal(COLLECT, *DIGITS), time.monotonic() + 3600)
    with steps.taken_by(recorder):  # type: ignore[arg-type]
        until(lambda: recorder.taken)


def test_a_store_that_is_tried_first_is_not_tried_again_by_the_submit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[object] = []
    monkeypatch.setattr("tunelet.store_probe.probe", tried.append)
    settings = Settings(store="", secret=bytes(16), launcher="", lease_seconds=60)
    launcher, own = FunctionLauncher(lambda _: 0.5, 1), Installation("here", 1)
    with searching(settings, MemoryStore(), launcher, own, tries_store=True) as service:
        assert len(tried) == 1
        service.submit({**REQUEST, "max_trials": 1})
    assert len(tried) == 1
