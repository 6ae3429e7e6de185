"""Many writers on one log: they share entries through an inbox, and nothing goes astray there."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from adapters.storage.memory import MemoryStore
from adapters.storage.retrying import RetryingStore
from adapters.storage.wrapper import Kind, StoreWrapper
from tests.faults.checks import spec
from tunelet.core import commands as c
from tunelet.core.events import Reported, TrialsCreated
from tunelet.core.trial import Report
from tunelet.errors import CommitUnknown, Retry
from tunelet.log.committer import LOOK_EVERY
from tunelet.log.entry import Entry, decode
from tunelet.log.inbox import Inbox, Order
from tunelet.log.journal import Journal
from tunelet.log.reader import entry_key
from tunelet.ports import Store

T = TypeVar("T")
PATH = "v1/default/e/"


def journal(store: Store, deadline: float = 20.0) -> Journal:
    return Journal(store, "default", "e", deadline=deadline)


def begun(store: Store, trials: int = 1) -> Journal:
    log = journal(store)
    log.commit(c.Submit("u", spec() | {"enqueue": [{"x": 0.5}] * trials, "max_trials": 1000}))
    return log


def report(step: int, number: int = 0) -> c.Record:
    return c.Record(number, 1, (Report(step, {"objective": 1.0}),))


def entries(store: Store) -> list[Entry]:
    found: list[Entry] = []
    while (stored := store.get(entry_key(PATH, len(found) + 1))) is not None:
        found.append(decode(stored.data, len(found) + 1)[0])
    return found


def steps(store: Store) -> Counter[int]:
    """The steps in the log, with repetitions."""
    reported = [e for entry in entries(store) for e in entry.events if isinstance(e, Reported)]
    return Counter(report.step for event in reported for report in event.reports)


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.001)


class Rival(MemoryStore):
    """Before anybody else's entry is created, another writer takes its slot, `times` times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times, self.step = times, 1000
        self.batches: list[str] = []
        self.log = begun(self)

    def put(self, key: str, data: bytes) -> None:
        if "/inbox/" in key:
            self.batches.append(key)
        super().put(key, data)

    def create(self, key: str, data: bytes) -> bool:
        if self.times and hasattr(self, "log") and "journal" in key:
            times, self.times = self.times, 0
            self.write()
            self.times = times - 1
        return super().create(key, data)

    def write(self) -> None:
        self.step += 1
        self.log.commit(report(self.step), uid="u")


def test_a_process_that_loses_twice_leaves_an_inbox_batch_for_the_winner() -> None:
    store = Rival(2)
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(journal(store).commit, report(1), uid="u")
        eventually(lambda: done.done() or bool(list(store.list(f"{PATH}inbox/"))))
        while not done.done():
            store.write()
        after = done.result()
    assert 1 in [r.step for r in after.trials[0].reports]
    assert steps(store)[1] == 1
    assert max(steps(store).values()) == 1
    eventually(lambda: not list(store.list(f"{PATH}inbox/")))


def test_a_process_that_joins_leaves_an_inbox_batch_for_the_winner() -> None:
    store = Rival(2)
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(journal(store).commit, c.Join("b", 2), uid="u")
        eventually(lambda: done.done() or bool(store.batches))
        while not done.done():
            store.write()
        assert "b" in done.result().shared
    assert store.batches


def test_the_owner_of_an_inbox_batch_writes_it_if_no_other_process_does() -> None:
    store = Rival(2)
    after = journal(store).commit(report(1), uid="u")
    assert 1 in [r.step for r in after.trials[0].reports]
    eventually(lambda: not list(store.list(f"{PATH}inbox/")))


@pytest.mark.parametrize(
    ("command", "uid"),
    [(c.Pause(), "u"), (c.Enqueue(({"x": 1.0},)), "u"), (report(1), None)],
    ids=["pause", "enqueue without a key", "report to any life"],
)
def test_a_command_that_must_not_be_delayed_is_never_left_in_an_inbox_batch(
    command: c.Command, uid: str | None
) -> None:
    store = Rival(5)
    journal(store).commit(command, uid=uid)
    assert store.batches == []


def test_the_inbox_batch_of_a_dead_process_is_written_and_removed_at_the_next_look() -> None:
    store = MemoryStore()
    log, other, inbox = begun(store), journal(store), Inbox(store, PATH)
    inbox.put("0-dead", [Order("u", (report(1),))])
    for step in range(100, 100 + LOOK_EVERY):
        log.commit(report(step), uid="u")
    assert steps(store)[1] == 1
    assert [entry.taken for entry in entries(store) if entry.taken] == [("0-dead",)]
    for step in range(200, 200 + LOOK_EVERY):
        other.commit(report(step), uid="u")
    eventually(lambda: not list(store.list(f"{PATH}inbox/")))
    assert steps(store)[1] == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"format":99,"orders":[]}',
        b'{"format":1,"orders":[{"uid":"another life","commands":[{"type":"Tick"}]}]}',
        b'{"format":1,"orders":[{"uid":"u","commands":[{"type":"Record","number":9,"attempt":1,'
        b'"reports":[]}]}]}',
    ],
)
def test_an_inbox_batch_with_impossible_commands_is_removed_without_harm(data: bytes) -> None:
    store = MemoryStore()
    log = begun(store)
    store.put(f"{PATH}inbox/0-odd.json", data)
    for step in range(LOOK_EVERY):
        log.commit(report(step), uid="u")
    assert set(steps(store)) == set(range(LOOK_EVERY))
    eventually(lambda: not list(store.list(f"{PATH}inbox/")))


class _NoLetters(Rival):
    def put(self, key: str, data: bytes) -> None:
        if "/inbox/" in key:
            super().put(key, data)
            raise Retry("the answer is lost")
        super().put(key, data)


def test_a_command_that_may_be_in_an_inbox_batch_is_not_reported_as_failed() -> None:
    with pytest.raises(CommitUnknown):
        journal(_NoLetters(2)).commit(report(1), uid="u")


class _Faulty(StoreWrapper):
    """A quarter of all calls fail, half of them after they were carried out; all take a moment."""

    def __init__(self, inner: Store, seed: int) -> None:
        super().__init__(inner)
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def request(self, kind: Kind, send: Callable[[], T]) -> T:
        with self._lock:
            fails, before = self._chance.random() < 0.25, self._chance.random() < 0.5
            moment = self._chance.random() * 0.002
        time.sleep(moment)
        if fails and before:
            raise Retry("nothing was done")
        found = send()
        time.sleep(moment)
        if fails:
            raise Retry("the answer is lost")
        return found

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        return iter(self.request("get", lambda: list(self.inner.list(prefix, after, limit))))


@pytest.mark.parametrize("seed", range(4))
def test_sixteen_writers_and_a_quarter_of_all_calls_failing(seed: int) -> None:
    """Nothing acknowledged is lost, nothing is there twice, and no failed operation is there."""
    store = MemoryStore()
    begun(store)
    acknowledged: set[int] = set()
    failed: set[int] = set()

    def write(writer: int) -> None:
        log = journal(RetryingStore(_Faulty(store, seed * 100 + writer)))
        for step in range(writer * 1000, writer * 1000 + 15):
            try:
                log.commit(report(step), uid="u")
                acknowledged.add(step)
            except CommitUnknown:
                pass
            except Retry:
                failed.add(step)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(write, range(16)))
    stand = steps(store)
    assert len(acknowledged) > 60
    assert acknowledged <= stand.keys()
    assert not failed & stand.keys()
    assert set(stand.values()) == {1}
    assert [entry for entry in entries(store) if entry.taken]
    assert journal(store).read().trials[0].reports[0].step == min(stand)


def test_suggestions_in_inbox_batches_keep_the_budget() -> None:
    store = MemoryStore()
    begun(store, trials=0)
    bound = journal(store).read().terms.parallel_trials

    def suggest(writer: int) -> None:
        log = journal(_Slow(store))
        for _ in range(5):
            now = log.read()
            log.commit(c.AddTrials(now.next_number, ({"x": writer / 16},)), uid="u")

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(suggest, range(16)))
    made = [e for entry in entries(store) for e in entry.events if isinstance(e, TrialsCreated)]
    assert sum(len(event.assignments) for event in made) == bound


class _Slow(_Faulty):
    def __init__(self, inner: Store) -> None:
        super().__init__(inner, 0)

    def request(self, kind: Kind, send: Callable[[], T]) -> T:
        time.sleep(0.001)
        return send()
