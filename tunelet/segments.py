"""Snapshots and segments of one log in the store: derived, so any may vanish.

Whoever commits the entry that closes a window writes its objects. Should it die before
that, another process that has seen a further window close writes them; should they
vanish later, they are folded from the log again. Equal logs give equal bytes, so it
does no harm if two processes write the same object.
"""

import logging
import threading
from collections.abc import Iterator

import msgspec

from tunelet.chain import heads, origin
from tunelet.entry import check_format
from tunelet.errors import Retry
from tunelet.history import (
    WINDOW,
    Closed,
    Head,
    Segment,
    decode_head,
    decode_trials,
    encode_head,
    encode_trials,
)
from tunelet.ports import Store
from tunelet.trial import Trial

log = logging.getLogger("tunelet.segments")

_NEWEST_FIRST = 10**20 - 1
"""Snapshot keys count down from here, so that the newest is the first of a listing."""

_SNAPSHOTS_KEPT = 2


class Segments:
    """The derived objects below `path`. Threads may share one."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self._path = path
        self._cache: dict[Segment, tuple[Trial, ...]] = {}
        self._unsaved: dict[int, Closed] = {}
        self._own: set[int] = set()
        self._lock = threading.RLock()

    def newest(self) -> Head | None:
        """The newest readable snapshot."""
        for key in self._store.list(f"{self._path}snapshots/"):
            stored = self._store.get(key)
            if stored is None:
                continue
            try:
                check_format(stored.data, key)
                return decode_head(stored.data)
            except msgspec.MsgspecError as error:
                log.warning("snapshot %s is damaged and passed over: %s", key, error)
        return None

    def closed(self, closed: Closed, *, own: bool) -> None:
        """A window closed, by an entry of this process (`own`) or of another."""
        self._unsaved[closed.head.seq] = closed
        if own:
            self._own.add(closed.head.seq)

    def settle(self) -> None:
        """Write what this process owes.

        Never raises: what was committed stands, and derived objects are tried again later.
        """
        try:
            self._settle()
        except Exception:
            log.warning("snapshot of %s put off", self._path, exc_info=True)

    def _settle(self) -> None:
        with self._lock:
            for seq, closed in sorted(self._unsaved.items()):
                mine = seq in self._own
                if not mine and seq == max(self._unsaved):
                    return  # its writer is likely at it
                if mine or self._store.get(self._snapshot(seq)) is None:
                    self._save(closed)
                del self._unsaved[seq]
                self._own.discard(seq)

    def trials(self, segments: tuple[Segment, ...], after: int = -1) -> Iterator[Trial]:
        """Trials with a number above `after`, in order, reading only what it must."""
        waiting = sorted(
            (s for s in segments if s.trials and s.highest > after), key=lambda s: s.lowest
        )
        with self._lock:
            self._cache = {s: t for s, t in self._cache.items() if s in segments}
        at_hand: list[Trial] = []
        for index, segment in enumerate(waiting):
            at_hand += (t for t in self._trials(segment) if t.number > after)
            at_hand.sort(key=lambda t: t.number)
            bound = waiting[index + 1].lowest if index + 1 < len(waiting) else float("inf")
            ready = next((i for i, t in enumerate(at_hand) if t.number >= bound), len(at_hand))
            yield from at_hand[:ready]
            del at_hand[:ready]

    def keep_tombstone(self, head: Head) -> str:
        """Write the snapshot of a deleted experiment; returns its key."""
        self._unsaved.clear()
        self._cache.clear()
        key = self._snapshot(head.seq)
        self._store.put(key, encode_head(head))
        return key

    def _save(self, closed: Closed) -> None:
        """Segments first: a snapshot names only what is there."""
        seq = closed.head.seq
        if closed.trials:
            self._store.put(self._path + closed.segment.name, encode_trials(closed.trials))
        for level, parts in closed.joined.items():
            trials = [t for part in parts for t in self._trials(part)]
            if trials:
                name = Segment(level=level, seq=seq, trials=len(trials)).name
                self._store.put(self._path + name, encode_trials(trials))
        self._store.put(self._snapshot(seq), encode_head(closed.head))
        stale = seq - _SNAPSHOTS_KEPT * WINDOW
        if stale > 0:
            self._store.delete(self._snapshot(stale))

    def _trials(self, segment: Segment) -> tuple[Trial, ...]:
        if not segment.trials:
            return ()
        with self._lock:
            if segment not in self._cache:
                self._cache[segment] = self._unwritten(segment) or self._stored(segment)
            return self._cache[segment]

    def _unwritten(self, segment: Segment) -> tuple[Trial, ...]:
        closed = self._unsaved.get(segment.seq)
        if closed is None:
            return ()
        if segment.level == 0:
            return closed.trials
        return tuple(t for part in closed.joined[segment.level] for t in self._trials(part))

    def _stored(self, segment: Segment) -> tuple[Trial, ...]:
        found = self._read(segment)
        if found is None:
            self._rebuild(segment.seq)
            found = self._read(segment)
        if found is None:
            raise Retry(f"segment {segment.name} of {self._path} cannot be read now")
        return found

    def _read(self, segment: Segment) -> tuple[Trial, ...] | None:
        """The segment's trials; None if it is absent or damaged."""
        stored = self._store.get(self._path + segment.name)
        try:
            return decode_trials(stored.data) if stored is not None else None
        except msgspec.MsgspecError as error:
            log.warning("segment %s of %s is damaged: %s", segment.name, self._path, error)
            return None

    def _rebuild(self, until: int) -> None:
        """Fold the log from its beginning and write every derived object up to entry `until`."""
        log.warning("rebuilding the segments of %s from its log", self._path)
        for head, closed in heads(self._store, self._path, origin(self._store, self._path)):
            if closed is not None and head.seq <= until:
                self._unsaved[head.seq] = closed
                self._save(closed)
                del self._unsaved[head.seq]

    def _snapshot(self, seq: int) -> str:
        return f"{self._path}snapshots/{_NEWEST_FIRST - seq:020d}.json"
