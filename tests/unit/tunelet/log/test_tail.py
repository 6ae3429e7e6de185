"""How a process knows that no purge has passed it by."""

from collections.abc import Iterator

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.test_purge import Place
from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core import events
from tunelet.core.experiment_state import ExperimentState
from tunelet.errors import Retry
from tunelet.log.entry import FORMAT, Damaged, Entry, decode, encode
from tunelet.log.purge import PURGE_AFTER
from tunelet.log.reader import entry_key, mark_key, mark_purged, purged
from tunelet.log.tail import FRESH, Moment

PATH = "v1/default/e/"


def test_a_wall_clock_that_is_set_back_makes_nothing_young() -> None:
    assert Moment(monotonic=0, wall=1000).seconds_to(Moment(monotonic=100, wall=900)) == 100


def test_the_time_for_which_a_machine_sleeps_counts() -> None:
    assert Moment(monotonic=0, wall=0).seconds_to(Moment(monotonic=1, wall=500)) == 500


def test_a_head_is_old_long_before_a_purge_begins() -> None:
    """The clocks of two machines may be apart by the difference."""
    assert PURGE_AFTER - FRESH >= 60


def test_the_mark_of_a_purge_never_goes_back() -> None:
    store = MemoryStore()
    for seq in (5, 9, 7):
        mark_purged(store, PATH, seq)
    assert purged(store, PATH) == 9


class _Overtaken(MemoryStore):
    """Another purge writes its mark just before this one's does."""

    other: int | None = None

    def replace(self, key: str, data: bytes, version: str) -> bool:
        self._overtake(key)
        return super().replace(key, data, version)

    def put(self, key: str, data: bytes) -> None:
        self._overtake(key)
        super().put(key, data)

    def _overtake(self, key: str) -> None:
        if self.other is not None and key == mark_key(PATH):
            seq, self.other = self.other, None
            super().put(key, b"%d" % seq)


def test_the_mark_of_a_purge_is_not_written_over_a_later_one() -> None:
    store = _Overtaken()
    mark_purged(store, PATH, 5)
    store.other = 9
    mark_purged(store, PATH, 7)
    assert purged(store, PATH) == 9


def test_a_mark_that_cannot_be_written_is_not_believed() -> None:
    class Lossy(MemoryStore):
        def create(self, key: str, data: bytes) -> bool:
            return True

    with pytest.raises(Retry):
        mark_purged(Lossy(), PATH, 5)


def test_events_in_the_entry_of_a_tombstone_have_no_effect() -> None:
    place = Place()
    log = place.journal()
    log.commit(c.Submit("u", SPEC))
    log.commit(c.Pause(), c.Delete())
    place.purge()
    experiment = place.journal().peek()
    assert experiment is None or experiment.state is ExperimentState.DELETED
    assert place.journal().commit(c.Submit("w", SPEC)).uid == "w"


def test_nothing_is_purged_while_a_writer_may_still_build_on_it() -> None:
    place = Place()
    place.life()
    place.now += PURGE_AFTER - 1
    before = list(place.store.list(PATH))
    assert not place.journal().purge()
    assert list(place.store.list(PATH)) == before
    place.now += 1
    assert place.journal().purge()
    assert list(place.store.list(PATH)) != before


class _Reborn(MemoryStore):
    """Another life begins, and saves a checkpoint, just before the files of lives are listed."""

    place: Place | None = None

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        if self.place is not None and prefix == f"{PATH}trials/":
            place, self.place = self.place, None
            place.journal().commit(c.Submit("w", SPEC))
            self.put(f"{PATH}trials/w/0/model", b"")
        return super().list(prefix, after, limit)


def test_a_purge_leaves_the_files_of_a_life_that_begins_meanwhile() -> None:
    store = _Reborn()
    place = Place(store)
    place.life()
    store.put(f"{PATH}trials/u/0/model", b"")
    place.now += PURGE_AFTER
    store.place = place
    place.journal().purge()
    assert list(store.list(f"{PATH}trials/")) == [f"{PATH}trials/w/0/model"]


def test_a_process_recovers_from_a_log_that_was_restored_from_a_backup() -> None:
    """Its known entry is no longer in the log: it raises once, and begins again."""
    place = Place()
    log = place.journal()
    log.commit(c.Submit("u", SPEC))
    log.commit(c.Pause())
    place.store.delete(entry_key(PATH, 2))
    for command in (c.Enqueue(({"x": 1},)), c.Enqueue(({"x": 2},))):
        place.journal().commit(command)
    with pytest.raises(Damaged):
        log.commit(c.Enqueue(({"x": 3},)))
    assert log.commit(c.Enqueue(({"x": 4},))).next_number == 3


def test_entries_of_dead_writers_in_a_purged_gap_are_not_damage() -> None:
    """Two of them wrote after their known entry, and died before they read the mark."""
    place = Place()
    sleeper = place.life()[2]
    second, fourth = (place.store.get(entry_key(PATH, seq)) for seq in (2, 4))
    assert second is not None
    assert fourth is not None
    place.purge()
    place.journal().commit(c.Submit("w", SPEC))
    third = Entry(FORMAT, 3, decode(second.data, 2)[1], "another", (events.Paused(at=0.0),))
    place.store.put(entry_key(PATH, 3), encode(third)[0])
    place.store.put(entry_key(PATH, 4), fourth.data)
    experiment = sleeper.peek()
    assert experiment is not None
    assert experiment.uid == "w"
