"""Whether another installation is taken for gone: by its sign of life and one's own clock."""

from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from tunelet.errors import Retry
from tunelet.log.leases import Leases


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Side:
    """One installation with a clock of its own."""

    def __init__(self, store: Any, name: str, now: float = 0.0, seconds: float = 60.0) -> None:
        self.clock = Clock(now)
        self._store, self._name, self._seconds = store, name, seconds
        self.restarted()

    def restarted(self) -> None:
        self.leases = Leases(self._store, self._name, self.clock, self._seconds)

    def sees(self, other: str, *, every: float, times: int, keeps: bool = True) -> list[bool]:
        """The results of several looks."""
        found = []
        for _ in range(times):
            found.append(self.leases.over(other))
            if keeps:
                self.leases.keep()
            self.clock.now += every
        return found


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_a_lease_that_is_renewed_is_never_over(store: MemoryStore) -> None:
    """The clocks are years apart."""
    here, there = Side(store, "here"), Side(store, "there", 1e9)
    for _ in range(40):
        here.leases.hold()
        assert not there.leases.over("here")
        here.clock.now += 15
        there.clock.now += 15


def test_a_lease_that_is_not_renewed_expires_after_its_time_unchanged(
    store: MemoryStore,
) -> None:
    Side(store, "here").leases.hold()
    there = Side(store, "there", 500)
    assert there.sees("here", every=15, times=6) == [False] * 4 + [True] * 2


def test_its_owner_says_how_long_it_holds(store: MemoryStore) -> None:
    Side(store, "here", seconds=20).leases.hold()
    assert Side(store, "there").sees("here", every=10, times=3) == [False, False, True]


def test_one_that_was_never_written_is_over_after_the_longest_time(store: MemoryStore) -> None:
    found = Side(store, "there").sees("here", every=20, times=10)
    assert found == [False] * 9 + [True]


def test_the_next_process_continues_the_observations_of_the_last(store: MemoryStore) -> None:
    """A function that is asked each minute lives no minute."""
    Side(store, "here").leases.hold()
    found = []
    there = Side(store, "there", seconds=180)
    for _ in range(3):
        found += there.sees("here", every=60, times=1)
        there.restarted()
    assert found == [False, True, True]


def test_an_old_observation_proves_nothing(store: MemoryStore) -> None:
    """The other may have had no run meanwhile, and begun one a moment ago."""
    Side(store, "here").leases.hold()
    there = Side(store, "there")
    assert there.sees("here", every=3600, times=2) == [False, False]
    there.clock.now = 100
    assert not there.leases.over("here")


def test_nothing_is_written_once_nothing_runs(store: MemoryStore) -> None:
    here = Side(store, "here")
    here.leases.keep()
    assert not list(store.list(""))
    here.leases.hold()
    before = store.get("installations/here")
    here.clock.now += 100
    here.leases.release(here.leases.held)
    here.leases.keep()
    assert store.get("installations/here") == before


def test_a_run_that_begins_during_a_sweep_keeps_the_lease(store: MemoryStore) -> None:
    here = Side(store, "here")
    held = here.leases.held
    here.leases.hold()
    before = store.get("installations/here")
    here.leases.release(held)
    here.clock.now += 20
    here.leases.keep()
    assert store.get("installations/here") != before


def test_an_installation_that_slept_longer_than_its_lease_renews_it_first(
    store: MemoryStore,
) -> None:
    here = Side(store, "here")
    assert here.leases.hold()
    here.clock.now += 20
    assert not here.leases.hold()
    here.clock.now += 60
    assert here.leases.hold()
    there = Side(store, "there")
    assert not there.leases.over("here")


class Away(MemoryStore):
    away = False

    def put(self, key: str, data: bytes) -> None:
        if self.away:
            raise Retry("away")
        super().put(key, data)


def test_a_lease_that_cannot_be_renewed_stops_launches_only_once_it_is_over() -> None:
    store = Away()
    here = Side(store, "here")
    here.leases.hold()
    store.away = True
    here.clock.now += 30
    assert not here.leases.hold()
    here.clock.now += 30
    with pytest.raises(Retry):
        here.leases.hold()


def test_a_lease_that_is_not_json_counts_as_unchanged(store: MemoryStore) -> None:
    store.put("installations/here", b"?")
    assert Side(store, "there").sees("here", every=60, times=4, keeps=False)[-1] is False
    assert Side(store, "there", seconds=180).sees("here", every=60, times=4)[-1]
