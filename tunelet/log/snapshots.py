"""Snapshots and segments of one log in the store. They are derived from the log.

The process that commits the entry that closes a window writes the window's objects. If it
dies first, another process writes them once it has seen the next window close. Objects that
vanish later are rebuilt from the log. Equal logs give equal bytes, so two processes may
write the same object.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from heapq import heappop, heappush, heapreplace
from math import inf
from typing import TypeVar

import msgspec

from tunelet.core.trial import Trial
from tunelet.errors import Retry
from tunelet.log.compaction import (
    NONE_KNOWN,
    WINDOW,
    Closed,
    Head,
    Segment,
    decode_head,
    decode_trials,
    encode_head,
    encode_trials,
    join,
    numbered,
)
from tunelet.log.entry import check_format
from tunelet.log.reader import heads, origin
from tunelet.log.rows import Row, decode_rows, decode_some
from tunelet.log.segment_cache import Recent
from tunelet.ports import Store

log = logging.getLogger("tunelet.segments")

_NEWEST_FIRST = 10**20 - 1
"""Snapshot keys count down from here, so that the newest is the first of a listing."""

_SNAPSHOTS_KEPT = 2

N = TypeVar("N", Trial, Row)


def snapshot_key(path: str, seq: int) -> str:
    """Return the key of the snapshot after entry `seq`."""
    return f"{path}snapshots/{_NEWEST_FIRST - seq:020d}.json"


class Segments:
    """The derived objects below `path`. Threads may share one."""

    def __init__(self, store: Store, path: str, recent: Recent) -> None:
        self._store = store
        self._path = path
        self._recent = recent
        self._life = object()
        """Separates this object's cache keys from those of other logs with the same names."""
        self._unsaved: dict[int, Closed] = {}
        self._own: set[int] = set()
        self._lock = threading.RLock()

    def newest(self, oldest: int = 0) -> Head | None:
        """Return the newest readable snapshot of entry `oldest` or later; None if there is none."""
        for key in self._store.list(f"{self._path}snapshots/"):
            if key > snapshot_key(self._path, oldest):
                return None
            stored = self._store.get(key)
            if stored is None:
                continue
            try:
                check_format(stored.data, key)
                return decode_head(stored.data)
            except msgspec.MsgspecError as error:
                log.warning("snapshot %s is passed over: %s", key, error)
        return None

    def closed(self, closed: Closed, *, own: bool) -> None:
        """Note a window that an entry of this process (`own`) or of another has closed."""
        self._unsaved[closed.head.seq] = closed
        if own:
            self._own.add(closed.head.seq)

    def settle(self, tombstone: int) -> None:
        """Write the objects that this process owes, except for windows before the `tombstone`.

        Never raises: the commit has succeeded, and derived objects are tried again later.
        """
        try:
            self._settle(tombstone)
        except Exception:
            log.warning("snapshot of %s put off", self._path, exc_info=True)

    def _settle(self, tombstone: int) -> None:
        with self._lock:
            for seq in [seq for seq in self._unsaved if seq < tombstone]:
                del self._unsaved[seq]  # no reader needs it, and its parts may be purged
                self._own.discard(seq)
            for seq, closed in sorted(self._unsaved.items()):
                mine = seq in self._own
                if not mine and seq == max(self._unsaved):
                    return  # its writer is probably writing it now
                if mine or self._store.get(snapshot_key(self._path, seq)) is None:
                    self._save(closed)
                del self._unsaved[seq]
                self._own.discard(seq)

    def trials(
        self,
        segments: tuple[Segment, ...],
        after: int = -1,
        known: Mapping[int, Trial] = NONE_KNOWN,
    ) -> Iterator[Trial]:
        """Yield the trials with numbers above `after`, in order, reading only the needed segments.

        Trials in `known`, by number, are not read again.
        """
        return self._in_order(segments, after, lambda data: decode_trials(data, after, known))

    def rows(self, segments: tuple[Segment, ...], after: int) -> Iterator[Row]:
        """Like `trials`, without the reports."""
        return self._in_order(segments, after, lambda data: decode_rows(data, after))

    def some(self, segments: tuple[Segment, ...], numbers: Collection[int]) -> Iterator[Trial]:
        """Yield the trials that have these numbers, in no order. Reads only the needed segments."""
        for segment in segments:
            if segment.trials and any(segment.lowest <= n <= segment.highest for n in numbers):
                yield from decode_some(self._bytes(segment), numbers)

    def _in_order(
        self, segments: tuple[Segment, ...], after: int, decoded: Callable[[bytes], Iterator[N]]
    ) -> Iterator[N]:
        """Merge segments with overlapping numbers. Read each only when its first trial is due."""
        wanted = [s for s in segments if s.trials and s.highest > after]
        wanted.sort(key=lambda s: s.lowest)
        at_hand: list[_Opened[N]] = []
        for index, segment in enumerate(wanted):
            yield from _below(at_hand, segment.lowest)
            rest = decoded(self._bytes(segment))
            if (first := next(rest, None)) is not None:
                heappush(at_hand, (first.number, index, first, rest))
        yield from _below(at_hand, inf)

    def _save(self, closed: Closed) -> None:
        """Write segments first: a snapshot names only segments that exist."""
        if closed.trials:
            self._put(closed.segment, encode_trials(closed.trials))
        for level, parts in closed.joined.items():
            data = join([self._bytes(part) for part in parts if part.trials])
            if data:
                self._put(closed.joint(level), data)
        self._store.put(snapshot_key(self._path, closed.head.seq), encode_head(closed.head))
        stale = closed.head.seq - _SNAPSHOTS_KEPT * WINDOW
        if stale > 0:
            self._store.delete(snapshot_key(self._path, stale))

    def _put(self, segment: Segment, data: bytes) -> None:
        self._store.put(self._path + segment.name, data)
        self._recent.keep((self._life, segment), data)

    def _bytes(self, segment: Segment) -> bytes:
        key = (self._life, segment)
        with self._lock:
            data = self._recent.get(key) or self._unwritten(segment) or self._stored(segment)
            self._recent.keep(key, data)
            return data

    def _unwritten(self, segment: Segment) -> bytes | None:
        closed = self._unsaved.get(segment.seq)
        if closed is None:
            return None
        if segment.level == 0:
            return encode_trials(closed.trials)
        return join([self._bytes(part) for part in closed.joined[segment.level] if part.trials])

    def _stored(self, segment: Segment) -> bytes:
        found = self._read(segment)
        if found is None:
            self._rebuild(segment.seq)
            found = self._read(segment)
        if found is None:
            raise Retry(f"segment {segment.name} of {self._path} cannot be read now")
        return found

    def _read(self, segment: Segment) -> bytes | None:
        """Read the segment's bytes; None if it is absent or damaged."""
        stored = self._store.get(self._path + segment.name)
        if stored is None:
            return None
        try:
            count = sum(1 for _ in numbered(stored.data))
        except msgspec.MsgspecError as error:
            log.warning("segment %s of %s is damaged: %s", segment.name, self._path, error)
            return None
        return stored.data if count == segment.trials else None

    def _rebuild(self, until: int) -> None:
        """Fold the log from its beginning, and write every derived object up to entry `until`."""
        log.warning("rebuilding the segments of %s from its log", self._path)
        start = origin(self._store, self._path)
        for _, head, closed in heads(self._store, self._path, start):
            if closed is not None and head.seq <= until:
                self._unsaved[head.seq] = closed
                self._save(closed)
                del self._unsaved[head.seq]


_Opened = tuple[int, int, N, Iterator[N]]
"""A segment being read: the next trial's number, the segment's index, that trial and the rest."""


def _below(opened: list[_Opened[N]], bound: float) -> Iterator[N]:
    """Yield the trials with numbers below `bound`, in order, from the heap `opened`."""
    while opened and opened[0][0] < bound:
        _, index, trial, rest = opened[0]
        yield trial
        if len(opened) == 1:
            # Mostly numbers do not overlap, and a heap of one would take a third of the time.
            for later in rest:
                if later.number >= bound:
                    opened[0] = (later.number, index, later, rest)
                    return
                yield later
            opened.clear()
            return
        following = next(rest, None)
        if following is None:
            heappop(opened)
        else:
            heapreplace(opened, (following.number, index, following, rest))
