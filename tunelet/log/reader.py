"""Reading the entries of one log in order."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tunelet.core.events import Deleted
from tunelet.errors import Retry
from tunelet.log.compaction import Closed, Head, follow
from tunelet.log.entry import Damaged, Entry, decode
from tunelet.log.parallel import streamed
from tunelet.ports import Store

FEW = 2
"""Entries that are read one by one; a reader further behind lists, and reads many at once."""

_NAME = re.compile(r"(\d{20})\.json")


class Step(NamedTuple):
    """An entry, the head after it, and the window that it closed, if any."""

    entry: Entry
    head: Head
    closed: Closed | None


def entry_key(path: str, seq: int) -> str:
    """Where entry `seq` of the log below `path` stands."""
    return f"{path}journal/{seq:020d}.json"


def entry_seq(key: str) -> int | None:
    """The number of the entry that stands at `key`; None if it is no entry's."""
    found = _NAME.fullmatch(key.rpartition("/")[2])
    return int(found[1]) if found else None


def purged(store: Store, path: str) -> int:
    """The tombstone up to which entries were removed, or may be at any moment; 0: none.

    The mark is written before the first entry is removed. So a process that has read or written
    what stands behind entry N, and then finds no number above N here, knows that no purge had
    removed anything from that part of the log.
    """
    stored = store.get(mark_key(path))
    return int(stored.data) if stored is not None else 0


def mark_purged(store: Store, path: str, seq: int) -> None:
    """Say that entries before the tombstone `seq` are about to be removed."""
    for _ in range(10):
        stored = store.get(mark_key(path))
        if stored is None:
            done = store.create(mark_key(path), b"%d" % seq)
        elif int(stored.data) >= seq:
            done = True
        else:
            done = store.replace(mark_key(path), b"%d" % seq, stored.version)
        if done and purged(store, path) >= seq:
            return
    raise Retry("others are removing what is left of this experiment")


def origin(store: Store, path: str) -> Head:
    """The head before the log's first entry, or at the tombstone up to which it was purged."""
    tombstone = purged(store, path)
    while True:
        try:
            return _after_tombstone(store, path, tombstone) if tombstone else _first(store, path)
        except Damaged:
            before, tombstone = tombstone, purged(store, path)
            if tombstone == before:
                raise  # else a purge has begun meanwhile, and what is missing is not missed


def _first(store: Store, path: str) -> Head:
    first = next(store.list(f"{path}journal/0", limit=1), None)
    if first not in (None, entry_key(path, 1)):
        raise Damaged(f"the log begins with {first}: the entries before it are missing")
    return Head()


def _after_tombstone(store: Store, path: str, seq: int) -> Head:
    stored = store.get(entry_key(path, seq))
    if stored is None:
        raise Damaged(f"entry {seq} is missing: the tombstone of an experiment that was deleted")
    entry, checksum = decode(stored.data, seq)
    at = [i for i, event in enumerate(entry.events) if isinstance(event, Deleted)]
    if not at:
        raise Damaged(f"entry {seq} is foreign: it is no tombstone")
    rest = Entry(entry.format, seq, entry.prev, entry.nonce, entry.events[at[-1] :])
    return follow(Head(), rest, checksum)[0]


def heads(store: Store, path: str, head: Head) -> Iterator[Step]:
    """A step for each further entry that stood when this was called, and perhaps for later ones.

    Entries that are written meanwhile are not chased: with busy writers that might never end.
    Raises `Damaged` if an entry is altered, foreign or missing.
    """
    for data in _behind(store, path, head.seq):
        entry, checksum = decode(data, head.seq + 1, head.sum)
        head, closed = follow(head, entry, checksum)
        yield Step(entry, head, closed)


def _behind(store: Store, path: str, seq: int) -> Iterator[bytes]:
    """The bytes of the entries behind `seq`, without a gap."""
    for following in range(seq + 1, seq + 1 + FEW):
        stored = store.get(entry_key(path, following))
        if stored is None:
            return
        yield stored.data
    yield from _listed(store, path, seq + FEW)


def _listed(store: Store, path: str, seq: int) -> Iterator[bytes]:
    """As `_behind`. A listing is no snapshot, but lacks nothing that stood before it began."""
    keys = [entry_key(path, seq)]
    for key in store.list(f"{path}journal/", keys[0]):
        following = seq + len(keys)
        if key != entry_key(path, following):
            if entry_seq(key) is not None:
                _refuse_gap(store, path, following)
            break
        keys.append(key)
    for stored in streamed(store.get, keys[1:]):
        if stored is None:
            return
        yield stored.data


def _refuse_gap(store: Store, path: str, seq: int) -> None:
    """Raise `Damaged` if entry `seq` is absent, though a later one stands, and no purge took it."""
    if store.get(entry_key(path, seq)) is None and purged(store, path) <= seq:
        raise Damaged(f"entry {seq} is missing")


def mark_key(path: str) -> str:
    """Where the number of the tombstone stands up to which the log is purged."""
    return f"{path}journal/purged"
