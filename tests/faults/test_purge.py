"""A purge opens slots of the log again; a writer or reader that slept must not fall into one."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import cast

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.checks import spec
from tests.faults.world import Crash, Fallible, Fault, Faults
from tunelet.core import commands as c
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.errors import NotFound, TuneletError
from tunelet.log.compaction import FAN_OUT, WINDOW
from tunelet.log.journal import Journal
from tunelet.log.purge import PURGE_AFTER
from tunelet.log.reader import entry_key, entry_seq, mark_purged
from tunelet.log.tail import FRESH
from tunelet.log.verify import verify
from tunelet.ports import Store, Stored

PATH = "v1/default/e/"
ACTS: list[c.Command] = [
    c.Submit("u", spec()),
    c.Start(0, 1),
    c.Pause(),
    c.Resume(),
    c.Delete(),
]


class Place:
    """A store, and a clock that advances only by the test."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or MemoryStore()
        self.now = 1000.0

    def journal(self, store: Store | None = None) -> Journal:
        """As another process would open it."""
        return Journal(
            store or self.store, "default", "e", clock=lambda: self.now, sleep=lambda _: None
        )

    def life(self) -> list[Journal]:
        """An experiment's life until its deletion; each sleeper knows one entry more of it."""
        log, sleepers = self.journal(), [self.journal() for _ in ACTS]
        for act, sleeper in zip(ACTS, sleepers, strict=True):
            sleeper.peek()
            log.commit(act)
        return sleepers

    def purge(self, store: Store | None = None) -> None:
        self.now += PURGE_AFTER
        assert self.journal(store).purge()


@pytest.mark.parametrize("known", range(5))
@pytest.mark.parametrize("reborn", [False, True])
def test_a_reader_that_slept_through_a_purge_sees_it(known: int, reborn: bool) -> None:
    place = Place()
    sleepers = place.life()
    place.purge()
    if reborn:
        place.journal().commit(c.Submit("w", spec()))
    assert sleepers[known].peek() == place.journal().peek()


@pytest.mark.parametrize("known", range(5))
@pytest.mark.parametrize("act", [c.Start(1, 1), c.Submit("w", spec())])
def test_a_writer_that_slept_through_a_purge_is_refused_or_committed(
    known: int, act: c.Command
) -> None:
    place = Place()
    sleepers = place.life()
    place.purge()
    try:
        after: Experiment | None = sleepers[known].commit(act)
    except NotFound:
        after = None
    assert (after is None) is isinstance(act, c.Start)
    present = place.journal().peek()
    assert present == after
    assert len(list(place.store.list(PATH + "journal/0"))) == (1 if after is None else 2)


class _Sleepy(MemoryStore):
    """Time passes while a writer's request is on its way."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place, self.asleep = place, False

    def create(self, key: str, data: bytes) -> bool:
        if self.asleep and "journal" in key:
            self.asleep = False
            self.place.journal().commit(c.Delete())
            self.place.purge()
        return super().create(key, data)


def test_a_request_in_progress_during_a_purge_is_not_committed() -> None:
    place = Place()
    place.store = store = _Sleepy(place)
    log = place.journal()
    log.commit(c.Submit("u", spec()))
    store.asleep = True
    with pytest.raises(NotFound):
        log.commit(c.Start(0, 1))
    assert len(list(store.list(PATH + "journal/0"))) == 1


def test_a_process_that_has_just_seen_the_end_of_the_log_asks_nothing_more() -> None:
    place = Place()
    log = place.journal()
    log.commit(c.Submit("u", spec()))
    faults = Faults({})
    fast = place.journal(Fallible(place.store, faults))
    fast.peek()
    del faults.calls[:]
    fast.commit(c.Start(0, 1))
    assert faults.calls == ["create"]
    place.now += FRESH
    fast.commit(c.Pause())
    assert faults.calls == ["create", "create", "get"]


def _calls_of_a_purge() -> list[str]:
    place, faults = Place(), Faults({})
    place.life()
    place.purge(Fallible(place.store, faults))
    return faults.calls


CALLS = _calls_of_a_purge()


def test_the_faults_below_meet_every_kind_of_call_that_a_purge_makes() -> None:
    assert {"get", "list", "create", "delete"} <= set(CALLS)
    assert len(CALLS) > 20


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("call", range(len(CALLS)))
def test_a_purge_that_fails_at_any_call_lets_no_process_write_into_the_gap(
    call: int, fault: Fault
) -> None:
    place = Place()
    sleepers = place.life()
    place.now += PURGE_AFTER
    with suppress(Crash, TuneletError):
        place.journal(Fallible(place.store, Faults({call: fault}))).purge()
    for sleeper in sleepers:
        with pytest.raises(NotFound):
            sleeper.commit(c.Start(1, 1))
    place.purge()
    assert len(list(place.store.list(PATH))) == 2


def test_a_late_entry_does_not_hide_the_tombstone() -> None:
    """Its writer died before it could take it back."""
    place = Place()
    place.life()
    late = [place.store.get(entry_key(PATH, seq)) for seq in range(1, 5)]
    place.purge()
    for seq in (2, 4):
        stored = late[seq - 1]
        assert stored is not None
        place.store.create(entry_key(PATH, seq), stored.data)
    assert place.journal().commit(c.Submit("w", spec())).uid == "w"


class _PurgedAt(MemoryStore):
    """At its reader's call of this number, a purge begins and has removed some entries."""

    def __init__(self, inner: MemoryStore, call: int, removed: Sequence[int], mark: int) -> None:
        super().__init__()
        self._objects = dict(inner._objects)
        self._left, self._removed, self._mark = call, removed, mark

    def _called(self) -> None:
        self._left -= 1
        if self._left == -1:
            mark_purged(cast(Store, super()), PATH, self._mark)
            for seq in self._removed:
                self.delete(entry_key(PATH, seq))

    def get(self, key: str) -> Stored | None:
        self._called()
        return super().get(key)

    def list(self, prefix: str, after: str = "", limit: int | None = None):  # type: ignore[no-untyped-def]
        self._called()
        return super().list(prefix, after, limit)


@pytest.mark.parametrize("removed", [range(1, 5), [1], [2], [3], [1, 2, 3]])
@pytest.mark.parametrize("lives", [1, 2])
def test_a_purge_during_a_read_is_not_damage(removed: Sequence[int], lives: int) -> None:
    """A running experiment with a damaged log is stopped; this log is not damaged."""
    place = Place()
    for _ in range(lives):
        place.life()
    place.journal().commit(c.Submit("w", spec()))
    inner = place.store
    assert isinstance(inner, MemoryStore)
    for call in range(8):
        store = _PurgedAt(inner, call, removed, mark=5 * lives)
        assert place.journal(store).read().uid == "w"
        store = _PurgedAt(inner, call, removed, mark=5 * lives)
        assert verify(store, "default", "e").findings == ()


@pytest.mark.parametrize("call", range(8))
def test_a_second_purge_during_a_read_is_not_damage(call: int) -> None:
    place = Place()
    place.life()
    place.purge()
    place.life()
    place.journal().commit(c.Submit("w", spec()))
    inner = place.store
    assert isinstance(inner, MemoryStore)
    store = _PurgedAt(inner, call, range(5, 10), mark=10)
    assert place.journal(store).read().uid == "w"
    store = _PurgedAt(inner, call, range(5, 10), mark=10)
    assert verify(store, "default", "e").findings == ()


def test_pending_objects_of_a_deleted_life_are_never_written() -> None:
    """A process that has seen a window close writes missing objects, but not after a purge.

    Segments that would be joined for it are gone, and it would never come to the next window.
    """
    place = Place()
    log, other = place.journal(), place.journal()
    log.commit(c.Submit("u", spec()))
    log.commit(c.Finish(0, 1, Outcome(Verdict.FAIL)))
    filled(log, FAN_OUT * WINDOW - 1)
    other.peek()
    filled(log, FAN_OUT * WINDOW)
    other.peek()
    log.commit(c.Delete())
    other.peek()
    place.purge()
    assert len(list(place.store.list(PATH))) == 2
    other.commit(c.Submit("w", spec()))
    filled(other, (FAN_OUT + 2) * WINDOW)
    left = [entry_seq(key) or 0 for key in place.store.list(f"{PATH}segments/")]
    assert all(seq > FAN_OUT * WINDOW for seq in left)
    assert len(list(place.store.list(f"{PATH}snapshots/"))) == 2


def filled(log: Journal, until: int) -> None:
    """The log has this number of entries."""
    last = max((report.step for report in log.read().trials[1].reports), default=0)
    for step in count(last + 1):
        if log._store.get(entry_key(PATH, until)) is not None:
            return
        log.commit(c.Record(1, 1, (Report(step, {"objective": 1.0}),)))


class _Reborn(MemoryStore):
    """A new life begins just before a purge lists the objects to delete."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place, self.begins = place, False

    def list(self, prefix: str, after: str = "", limit: int | None = None):  # type: ignore[no-untyped-def]
        if self.begins and prefix.startswith(PATH):
            self.begins = False
            self.place.journal().commit(c.Submit("w", spec()))
            self.put(PATH + "trials/w/0/checkpoint", b"new")
        return super().list(prefix, after, limit)


def test_a_purge_leaves_a_new_life_alone() -> None:
    place = Place()
    place.store = store = _Reborn(place)
    place.life()
    store.put(PATH + "trials/u/0/checkpoint", b"old")
    store.begins = True
    place.purge()
    assert place.journal().read().uid == "w"
    assert list(store.list(PATH + "trials/")) == [PATH + "trials/w/0/checkpoint"]


def test_more_callers_than_an_entry_holds_are_all_answered() -> None:
    log = Place().journal()
    log.commit(c.Submit("u", spec()))

    def report(first: int) -> None:
        for step in range(first, first + 3):
            log.commit(c.Record(0, 1, (Report(step, {"objective": 1.0}),)))

    with ThreadPoolExecutor(400) as threads:
        answers = list(threads.map(report, range(0, 1200, 3)))
    assert len(answers) == 400
    assert len(log.read().trials[0].reports) == 1200
