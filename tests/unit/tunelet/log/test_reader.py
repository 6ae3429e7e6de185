"""Reading a log's tail: all that stood when it was asked for, in few waits, and then an end."""

import hashlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.trial import Report
from tunelet.log import reader
from tunelet.log.compaction import LARGEST, Head, Segment, merge
from tunelet.log.entry import Damaged, Newer
from tunelet.log.journal import Journal
from tunelet.log.reader import FEW, MANY, entry_key, heads, mark_purged
from tunelet.ports import Stored

PATH = "v1/default/e/"
ONE: dict[str, Any] = SPEC | {"enqueue": [{"x": 1}]}


def written(store: MemoryStore, entries: int) -> Journal:
    log = Journal(store, "default", "e")
    log.commit(c.Submit("u", ONE))
    for step in range(entries - 1):
        log.commit(c.Record(0, 1, (Report(step, {"objective": 1.0}),)))
    return log


class _Waits(MemoryStore):
    """A reader of many entries is answered only if he asks for two at once."""

    def __init__(self) -> None:
        super().__init__()
        self.together: threading.Barrier | None = None

    def get(self, key: str) -> Stored | None:
        if self.together is not None and key > entry_key(PATH, FEW):
            self.together.wait(timeout=30)
        return super().get(key)


def test_a_reader_with_many_new_entries_reads_them_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "AT_ONCE", -1.0)  # no store is that quick
    store = _Waits()
    written(store, 40 + FEW)
    for near in (False, True):
        store.together = threading.Barrier(2)
        steps = heads(store, PATH, Head(), near)
        assert [step.head.seq for step in steps] == list(range(1, 41 + FEW))
        store.together = None


class _Unlisted(MemoryStore):
    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        assert not after.startswith(f"{PATH}journal/"), "a listing of a folder reads all its names"
        return super().list(prefix, after, limit)


def test_a_reader_of_a_quick_store_reads_entries_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "AT_ONCE", 60.0)
    store = _Unlisted()
    written(store, MANY - 1)
    steps = heads(store, PATH, Head(), near=True)
    assert [step.head.seq for step in steps] == list(range(1, MANY))


class _Grows(MemoryStore):
    """Each read of an entry causes the next one to be written."""

    log: Journal | None = None
    step = 1000

    def get(self, key: str) -> Stored | None:
        log, self.log = self.log, None
        if log is not None:
            self.step += 1
            log.commit(c.Record(0, 1, (Report(self.step, {"objective": 1.0}),)))
            self.log = log
        return super().get(key)


class _Threads(MemoryStore):
    """Knows which threads have read."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[int] = set()

    def get(self, key: str) -> Stored | None:
        self.readers.add(threading.get_ident())
        return super().get(key)


@pytest.mark.parametrize(("at_once", "threads"), [(30.0, False), (-1.0, True)])
def test_threads_read_the_listed_entries_only_of_a_slow_store(
    monkeypatch: pytest.MonkeyPatch, at_once: float, threads: bool
) -> None:
    monkeypatch.setattr(reader, "AT_ONCE", at_once)
    store = _Threads()
    written(store, 40)
    store.readers.clear()
    assert [step.entry.seq for step in heads(store, PATH, Head())] == [*range(1, 41)]
    assert (store.readers != {threading.get_ident()}) is threads


def test_a_reader_does_not_follow_a_writer_for_ever() -> None:
    store = _Grows()
    store.log = written(store, 5)
    experiment = Journal(store, "default", "e").read()
    assert len(experiment.trials[0].reports) >= 4
    assert store.step < 1100


def test_an_entry_that_is_missing_or_altered_is_named() -> None:
    store = MemoryStore()
    written(store, 12)
    found = store.get(entry_key(PATH, 10))
    assert found is not None
    store.put(entry_key(PATH, 10), found.data.replace(b"objective", b"objectivf"))
    with pytest.raises(Damaged, match="entry 10 is altered"):
        list(heads(store, PATH, Head()))
    store.delete(entry_key(PATH, 10))
    with pytest.raises(Damaged, match="entry 10 is missing"):
        list(heads(store, PATH, Head()))


def test_an_entry_with_a_member_that_this_version_does_not_know_is_left_to_a_newer_one() -> None:
    store = MemoryStore()
    written(store, 1)
    found = store.get(entry_key(PATH, 1))
    assert found is not None
    body = json.dumps(json.loads(found.data) | {"limit": 5}).encode()
    body = body.replace(b', "sum": "%s"' % found.data[-66:-2], b"")
    digest = hashlib.sha256(body).hexdigest().encode()
    store.put(entry_key(PATH, 1), body[:-1] + b',"sum":"%s"}' % digest)
    with pytest.raises(Newer, match="limit"):
        list(heads(store, PATH, Head()))


def test_an_entry_that_a_purge_has_taken_is_not_missed() -> None:
    store = MemoryStore()
    written(store, 12)
    store.delete(entry_key(PATH, 10))
    mark_purged(store, PATH, 11)
    assert [step.entry.seq for step in heads(store, PATH, Head())] == list(range(1, 10))


def test_a_log_without_its_first_entries_is_not_taken_for_a_new_one() -> None:
    store = MemoryStore()
    written(store, 5)
    store.delete(entry_key(PATH, 1))
    with pytest.raises(Damaged, match="before it are missing"):
        Journal(store, "default", "e").commit(c.Submit("w", ONE))


def test_segments_are_joined_until_they_are_large() -> None:
    def parts(trials: int) -> tuple[Segment, ...]:
        return tuple(
            Segment(0, 64 * (i + 1), trials, i * trials, (i + 1) * trials - 1) for i in range(8)
        )

    (joined,), _ = merge(parts(LARGEST // 8))
    assert (joined.trials, joined.level, joined.highest) == (LARGEST, 1, LARGEST - 1)
    assert merge(parts(LARGEST // 8 + 1))[0] == parts(LARGEST // 8 + 1)
