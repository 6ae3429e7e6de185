"""When a running trial counts as stale, by clocks that the test moves."""

import pytest

from adapters.optuna.caller import Caller
from adapters.optuna.heartbeats import SKEW, Heartbeats
from adapters.storage.memory import MemoryStore
from tunelet.core.trial import Trial, TrialState
from tunelet.log.heartbeats import StoredBeats

GRACE = 10.0
START = 1000.0


class Clock:
    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def process(store: MemoryStore, clock: Clock) -> tuple[Caller, Heartbeats]:
    caller = Caller()
    return caller, Heartbeats(StoredBeats(store, "beats/"), caller, GRACE, clock, clock)


def running(number: int, by: str) -> Trial:
    return Trial(number, {}, START, state=TrialState.RUNNING, started_at=START, by=by)


def test_a_trial_is_stale_after_the_grace_period_without_a_beat(
    store: MemoryStore, clock: Clock
) -> None:
    caller, own = process(store, clock)
    _, observer = process(store, clock)
    trials = [running(0, caller.once()), running(1, caller.once())]
    for trial in trials:
        own.beat(trial.number)
    assert observer.stale(trials) == []
    clock.now += GRACE
    own.beat(1)
    assert observer.stale(trials) == []
    clock.now += GRACE / 2
    assert observer.stale(trials) == [0]


def test_an_observer_looks_four_times_in_the_grace_period(store: MemoryStore, clock: Clock) -> None:
    caller, own = process(store, clock)
    _, observer = process(store, clock)
    trial = running(0, caller.once())
    own.beat(0)
    observer.stale([trial])
    clock.now += GRACE / 5
    store.get = None  # type: ignore[assignment, method-assign]
    assert observer.stale([trial]) == []


def test_a_new_observer_finds_an_old_beat_stale_at_once(store: MemoryStore, clock: Clock) -> None:
    caller, own = process(store, clock)
    own.beat(0)
    trial = running(0, caller.once())
    clock.now += GRACE + SKEW
    assert process(store, clock)[1].stale([trial]) == []
    clock.now += 1
    assert process(store, clock)[1].stale([trial]) == [0]


def test_a_trial_without_heartbeats_is_never_stale(store: MemoryStore, clock: Clock) -> None:
    caller, _ = process(store, clock)
    clock.now += 100 * (GRACE + SKEW)
    assert process(store, clock)[1].stale([running(0, caller.once())]) == []


def test_a_process_that_died_before_the_first_beat_leaves_a_stale_trial(
    store: MemoryStore, clock: Clock
) -> None:
    caller, _ = process(store, clock)
    _, observer = process(store, clock)
    trial = running(0, caller.once(watched=True))
    assert observer.stale([trial]) == []
    clock.now += GRACE + 1
    assert observer.stale([trial]) == [0]


def test_a_trial_that_another_takes_over_begins_anew(store: MemoryStore, clock: Clock) -> None:
    first, second = process(store, clock)[0], process(store, clock)[0]
    _, observer = process(store, clock)
    assert observer.stale([running(0, first.once(watched=True))]) == []
    clock.now += GRACE + 1
    assert observer.stale([running(0, second.once(watched=True))]) == []


def test_an_unreadable_heartbeat_shows_nothing(store: MemoryStore, clock: Clock) -> None:
    caller, _ = process(store, clock)
    store.put(f"beats/{caller.token}", b"{")
    clock.now += GRACE + SKEW + 1
    assert process(store, clock)[1].stale([running(0, caller.once(watched=True))]) == []
