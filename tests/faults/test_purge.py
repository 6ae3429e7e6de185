"""A purge opens slots of the log again; a writer or reader that slept must not fall into one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.checks import spec
from tests.faults.world import Crash, Fallible, Fault, Faults
from tunelet import commands as c
from tunelet.chain import entry_key
from tunelet.errors import NotFound, TuneletError
from tunelet.experiment import Experiment
from tunelet.journal import Journal
from tunelet.ports import Store
from tunelet.trial import Report

PATH = "v1/default/e/"


def journal(store: Store) -> Journal:
    return Journal(store, "default", "e", sleep=lambda _: None)


def life(store: Store, sleepers: list[Journal]) -> Journal:
    """An experiment's life until its deletion; each sleeper knows one entry more of it."""
    log = journal(store)
    acts: list[c.Command] = [
        c.Submit("u", spec()),
        c.Start(0, 1),
        c.Pause(),
        c.Resume(),
        c.Delete(),
    ]
    for act, sleeper in zip(acts, sleepers, strict=True):
        sleeper.peek()
        log.commit(act)
    return log


@pytest.mark.parametrize("known", range(5))
@pytest.mark.parametrize("reborn", [False, True])
def test_a_reader_that_slept_through_a_purge_sees_it(known: int, reborn: bool) -> None:
    store = MemoryStore()
    sleepers = [journal(store) for _ in range(5)]
    life(store, sleepers).purge()
    if reborn:
        journal(store).commit(c.Submit("w", spec()))
    assert sleepers[known].peek() == journal(store).peek()


@pytest.mark.parametrize("known", range(5))
@pytest.mark.parametrize("act", [c.Start(1, 1), c.Submit("w", spec())])
def test_a_writer_that_slept_through_a_purge_is_refused_or_stands(
    known: int, act: c.Command
) -> None:
    store = MemoryStore()
    sleepers = [journal(store) for _ in range(5)]
    life(store, sleepers).purge()
    try:
        after: Experiment | None = sleepers[known].commit(act)
    except NotFound:
        after = None
    assert (after is None) is isinstance(act, c.Start)
    present = journal(store).peek()
    assert present is not None
    assert after is None or present == after
    assert len(list(store.list(PATH + "journal/"))) == (1 if after is None else 2)


@pytest.mark.parametrize("fault", Fault)
def test_a_purge_that_fails_at_any_call_lets_nobody_write_into_the_gap(fault: Fault) -> None:
    for call in range(11):
        store = MemoryStore()
        sleepers = [journal(store) for _ in range(5)]
        life(store, sleepers)
        log = journal(Fallible(store, Faults({call: fault})))
        with pytest.raises((Crash, TuneletError)):
            log.purge()
        for sleeper in sleepers:
            with pytest.raises(NotFound):
                sleeper.commit(c.Start(1, 1))
        log.purge()
        assert len(list(store.list(PATH))) == 2


def test_what_came_too_late_does_not_hide_the_tombstone() -> None:
    """Its writer died before it could take it back, and the snapshot is gone, too."""
    store = MemoryStore()
    sleepers = [journal(store) for _ in range(5)]
    log = life(store, sleepers)
    late = [store.get(entry_key(PATH, seq)) for seq in range(1, 5)]
    log.purge()
    for key in list(store.list(PATH + "snapshots/")):
        store.delete(key)
    for seq in (2, 4):
        stored = late[seq - 1]
        assert stored is not None
        store.create(entry_key(PATH, seq), stored.data)
    assert journal(store).commit(c.Submit("w", spec())).uid == "w"


class _Reborn(MemoryStore):
    """A new life begins just before a purge lists what it is to delete."""

    begins = False

    def list(self, prefix: str, after: str = "", limit: int | None = None):  # type: ignore[no-untyped-def]
        if self.begins and prefix == PATH:
            self.begins = False
            journal(self).commit(c.Submit("w", spec()))
            self.put(PATH + "trials/w/0/checkpoint", b"new")
        return super().list(prefix, after, limit)


def test_a_purge_leaves_a_new_life_alone() -> None:
    store = _Reborn()
    log = life(store, [journal(store) for _ in range(5)])
    store.begins = True
    log.purge()
    log.purge()
    assert journal(store).read().uid == "w"
    assert store.get(PATH + "trials/w/0/checkpoint")


def test_more_callers_than_an_entry_holds_are_all_answered() -> None:
    store = MemoryStore()
    log = journal(store)
    log.commit(c.Submit("u", spec()))

    def report(first: int) -> None:
        for step in range(first, first + 3):
            log.commit(c.Record(0, 1, (Report(step, {"objective": 1.0}),)))

    with ThreadPoolExecutor(400) as threads:
        answers = list(threads.map(report, range(0, 1200, 3)))
    assert len(answers) == 400
    assert len(log.read().trials[0].reports) == 1200
