"""Read the entries of one log in order."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tunelet.core.events import Deleted
from tunelet.errors import Retry
from tunelet.log.compaction import Closed, Head, follow
from tunelet.log.entry import Damaged, Entry, decode
from tunelet.log.parallel import streamed
from tunelet.ports import Store, Stored
from tunelet.text.lazy_pattern import lazy_pattern

FEW, MANY = 2, 64
"""Entries read one by one, before a reader lists keys and reads in parallel.

`MANY` if it was at the log's end before and the store answers at once: a listing of a folder reads
all its names."""

AT_ONCE = 0.002
"""Seconds for a read, below which it is quicker than a thread that reads in parallel."""

_Each = Callable[[Callable[[str], Stored | None], Sequence[str]], Iterator[Stored | None]]

_NAME = lazy_pattern(r"(\d{20})\.json")


class Step(NamedTuple):
    """An entry, the head after it, and the window that it closed, if any."""

    entry: Entry
    head: Head
    closed: Closed | None


def entry_key(path: str, seq: int) -> str:
    """Return the key of entry `seq` of the log below `path`."""
    return f"{path}journal/{seq:020d}.json"


def entry_seq(key: str) -> int | None:
    """Return the number of the entry at `key`; None if it is not the key of an entry."""
    found = _NAME.fullmatch(key.rpartition("/")[2])
    return int(found[1]) if found else None


def purged(store: Store, path: str) -> int:
    """Return the tombstone up to which a purge has removed entries, or may at any moment; 0: none.

    The mark is written before the first entry is removed. So if a process has read or written
    entries after N, and the mark is absent or at most N, no purge has removed anything there.
    """
    stored = store.get(mark_key(path))
    return int(stored.data) if stored is not None else 0


def mark_purged(store: Store, path: str, seq: int) -> None:
    """Record that entries before the tombstone `seq` are about to be removed. Raises `Retry`."""
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
    """Return the head before the first entry, or at the tombstone up to which it was purged.

    Raises `Damaged` if the first entry or the tombstone is missing.
    """
    tombstone = purged(store, path)
    while True:
        try:
            return _after_tombstone(store, path, tombstone) if tombstone else _first(store, path)
        except Damaged:
            before, tombstone = tombstone, purged(store, path)
            if tombstone == before:
                raise  # else a purge has begun meanwhile and removed the entry


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


def heads(store: Store, path: str, head: Head, near: bool = False) -> Iterator[Step]:
    """Yield a step for each entry that existed when this was called, and perhaps for later ones.

    Entries written meanwhile may be left out: with busy writers the reading might never end. A
    reader that is `near` the end, because it was there before, reads from a quick store one by one.
    Raises `Damaged` if an entry is altered, foreign or missing.
    """
    for data in _behind(store, path, head.seq, MANY if near else FEW):
        entry, checksum = decode(data, head.seq + 1, head.sum)
        head, closed = follow(head, entry, checksum)
        yield Step(entry, head, closed)


def _behind(store: Store, path: str, seq: int, many: int) -> Iterator[bytes]:
    """Yield the bytes of the entries after `seq`, without a gap."""
    for following in range(seq + 1, seq + 1 + many):
        asked = time.monotonic()
        stored = store.get(entry_key(path, following))
        took = time.monotonic() - asked
        if stored is None:
            return
        yield stored.data
        if following >= seq + FEW and took > AT_ONCE:
            break
    yield from _listed(store, path, following, streamed if took > AT_ONCE else map)


def _listed(store: Store, path: str, seq: int, each: _Each) -> Iterator[bytes]:
    """Like `_behind`. A listing is not atomic, but shows every key that existed before it began."""
    keys = [entry_key(path, seq)]
    for key in store.list(f"{path}journal/", keys[0]):
        following = seq + len(keys)
        if key != entry_key(path, following):
            if entry_seq(key) is not None:
                _refuse_gap(store, path, following)
            break
        keys.append(key)
    for stored in each(store.get, keys[1:]):
        if stored is None:
            return
        yield stored.data


def _refuse_gap(store: Store, path: str, seq: int) -> None:
    """Raise `Damaged` if entry `seq` is absent before a later one, and no purge removed it."""
    if store.get(entry_key(path, seq)) is None and purged(store, path) <= seq:
        raise Damaged(f"entry {seq} is missing")


def mark_key(path: str) -> str:
    """Return the key of the mark: the tombstone up to which the log is purged."""
    return f"{path}journal/purged"
