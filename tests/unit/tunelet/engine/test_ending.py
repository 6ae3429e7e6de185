"""The announced end of a run is awaited, as long as it may still come."""

from collections.abc import Callable

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Watched
from tests.faults.training import ScriptedLauncher
from tests.unit.functions.conftest import Broker
from tunelet.assembly import assembled
from tunelet.core.run import Observation, Run
from tunelet.core.signal import COLLECT, ENDING, Signal
from tunelet.engine.ending import LOOKS, PAUSE

REQUEST = {
    "name": "e",
    "model_training_code": "image",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 1,
}


class Counting(ScriptedLauncher):
    looks = 0

    def observe(self, run: Run) -> Observation:
        self.looks += 1
        return super().observe(run)


class Place:
    """A service with a running trial; `passes` is what happens in each pause."""

    def __init__(self) -> None:
        self.launcher, self.broker = Counting(), Broker()
        self.passes: Callable[[], object] = self.launcher.tick
        self.slept: list[float] = []
        self.service = assembled(
            *(MemoryStore(), self.launcher, load_catalog(), self.broker),
            secret=bytes(16),
            api_url="http://localhost",
            sleep=self._sleep,
        )
        self.service.submit(REQUEST)
        self.service.suggest("default", "e")
        self.service.launch("default", "e")
        self.run = self.launcher.running()[0]

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passes()


@pytest.fixture
def place() -> Place:
    return Place()


def test_an_end_is_recorded_as_soon_as_it_is_there(place: Place) -> None:
    place.service.await_end("default", "e", 0)
    assert place.service.trial("default", "e", 0).state == "COMPLETE"
    assert place.launcher.looks == 3
    assert place.slept == [PAUSE] * 3


def test_an_end_that_does_not_come_is_left_to_the_sweep(place: Place) -> None:
    place.passes = lambda: None
    place.service.await_end("default", "e", 0)
    assert place.launcher.looks == LOOKS
    assert place.service.trial("default", "e", 0).active


def test_an_end_that_is_announced_many_times_is_awaited_once(place: Place) -> None:
    def announced_again() -> None:
        place.passes = place.launcher.tick
        place.service.await_end("default", "e", 0)
        assert place.slept == [PAUSE]

    place.passes = announced_again
    place.service.await_end("default", "e", 0)
    assert place.service.trial("default", "e", 0).state == "COMPLETE"


def test_an_end_that_another_caller_records_is_not_observed_again(place: Place) -> None:
    def ends() -> None:
        for _ in range(3):
            place.launcher.tick()
        place.service.collect("default", "e", 0)

    place.passes = ends
    place.service.await_end("default", "e", 0)
    assert place.launcher.looks == 1
    place.service.await_end("default", "e", 0)
    place.service.await_end("default", "e", 7)
    place.service.await_end("default", "absent", 0)
    assert place.slept == [PAUSE]


def test_an_end_is_announced_once_and_lost_without_a_broker(place: Place) -> None:
    place.broker.signals.clear()
    place.service.announce_end(place.run)
    assert place.broker.signals == [Signal(ENDING, "default", "e", 0)]
    place.broker.away = True
    place.service.announce_end(place.run)


def test_a_process_that_watches_its_runs_needs_no_announcement() -> None:
    broker = Broker()
    for topic in (ENDING, COLLECT):
        Watched(broker).publish(Signal(topic, "default", "e", 0))
    assert [signal.topic for signal in broker.signals] == [COLLECT]
