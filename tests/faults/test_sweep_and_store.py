"""A sweep with a failing store, the end of its process, or a deletion."""

import logging
import threading
from collections import Counter
from itertools import count
from typing import Any

import pytest

from tests.unit.functions.conftest import FragileStore, World
from tunelet import tracing
from tunelet.errors import Unavailable
from tunelet.ports import Stored


class _Refusing(FragileStore):
    """From a moment on it refuses all writes, or all requests for some experiments."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: str | None = None
        self.whole = True
        self.asked = Counter[str]()

    def create(self, key: str, data: bytes) -> bool:
        self._ask(key)
        return super().create(key, data)

    def put(self, key: str, data: bytes) -> None:
        self._ask(key)
        super().put(key, data)

    def ready(self) -> None:
        if self.refused is not None and self.whole:
            raise Unavailable("the disk is full")

    def _ask(self, key: str) -> None:
        if self.refused is not None and self.refused in key:
            self.asked[key.split("/")[2]] += 1
            raise Unavailable("the disk is full")


def live_experiments(store: FragileStore, count: int, abreast: int = 1) -> World:
    """Each with something for a sweep to write: a run that has ended."""
    world = World(store, sweeps_abreast=abreast)
    for number in range(count):
        world.running(name=f"e{number}")
    world.launcher.tick()
    return world


def test_a_sweep_over_a_store_of_no_use_ends_with_the_first_experiment() -> None:
    store = _Refusing()
    world = live_experiments(store, 20)
    store.refused = ""
    with pytest.raises(Unavailable, match="full"):
        world.service.sweep()
    assert len(store.asked) == 1


def test_a_sweep_of_many_abreast_over_a_store_of_no_use_ends_with_the_first_ones() -> None:
    store = _Refusing()
    world = live_experiments(store, 40, abreast=4)
    store.refused = ""
    with pytest.raises(Unavailable, match="full"):
        world.service.sweep()
    assert len(store.asked) < 20


class _Slow(FragileStore):
    """Waits in each read of a log until several are read at a time, and counts them."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.wanted, self.most = wanted, 0
        self._changed = threading.Condition()
        self._reading: set[int] = set()

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Any:
        if prefix.endswith("/snapshots/") and self.wanted:
            with self._changed:
                self._reading.add(threading.get_ident())
                self.most = max(self.most, len(self._reading))
                self._changed.notify_all()
                self._changed.wait_for(lambda: self.most >= self.wanted, 5.0)
                self._reading.discard(threading.get_ident())
        return super().list(prefix, after, limit)


@pytest.mark.parametrize("abreast", [1, 4])
def test_a_sweep_looks_at_as_many_experiments_at_a_time_as_it_may(abreast: int) -> None:
    store = _Slow(0)
    live_experiments(store, 12)
    world = World(store, sweeps_abreast=abreast)
    store.wanted = abreast
    with tracing.within("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        assert world.service.sweep() == 12
    assert store.most == abreast


def test_a_sweep_of_many_abreast_does_what_one_after_the_other_does() -> None:
    world = live_experiments(FragileStore(), 30, abreast=4)
    for _ in range(6):
        world.service.sweep()
        world.launcher.tick()
    ended = [world.service.experiment("default", f"e{n}").counts["complete"] for n in range(30)]
    assert min(ended) >= 2


def test_no_look_begins_once_the_process_of_many_abreast_is_ending() -> None:
    world = live_experiments(FragileStore(), 40, abreast=4)
    asked = count()
    looked = world.service.sweep(lambda: next(asked) >= 5)
    assert looked <= 5


@pytest.mark.parametrize("abreast", [1, 4])
def test_a_fault_of_one_experiment_does_not_keep_the_sweep_from_others(abreast: int) -> None:
    store = _Refusing()
    world = live_experiments(store, 5, abreast)
    store.refused, store.whole = "/e3/", False
    world.service.sweep()
    reported = [
        any(trial.reports for trial in world.service.trials("default", f"e{n}")[0])
        for n in range(5)
    ]
    assert reported == [True, True, True, False, True]


def test_a_sweep_looks_at_no_further_experiment_once_its_process_is_ending() -> None:
    world = live_experiments(FragileStore(), 20)
    looks = iter([False] * 3 + [True])
    assert world.service.sweep(lambda: next(looks)) == 3


class _DeletedAt(FragileStore):
    """At its reader's call of this number, another process deletes the experiment."""

    left = -1
    world: World | None = None

    def get(self, key: str) -> Stored | None:
        self._called()
        return super().get(key)

    def create(self, key: str, data: bytes) -> bool:
        self._called()
        return super().create(key, data)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Any:
        self._called()
        return super().list(prefix, after, limit)

    def _called(self) -> None:
        self.left -= 1
        if self.left == -1 and self.world is not None:
            world, self.world = self.world, None
            world.restarted().service.delete("default", "digits")


@pytest.mark.parametrize("call", range(12))
def test_a_deletion_during_a_sweep_causes_no_error(
    call: int, caplog: pytest.LogCaptureFixture
) -> None:
    store = _DeletedAt()
    world = World(store)
    world.running()
    world.launcher.tick()
    world = world.restarted()
    store.left, store.world = call, world
    with caplog.at_level(logging.WARNING, "tunelet"):
        world.service.sweep()
    assert caplog.records == []
    world.service.sweep()
    assert world.launcher.running() == []
