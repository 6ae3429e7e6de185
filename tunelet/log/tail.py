"""What this process knows of a log's end, and how it knows that no purge has passed by.

A purge removes the entries before a tombstone, and so opens their slots again to whoever
slept since he folded them. It begins `PURGE_AFTER` seconds after the deletion at the
earliest, and with its mark (`tunelet.log.reader.purged`). So a head that was the log's end less
than `FRESH` seconds ago may be built on as it is, and an older one after a look at the mark.
The difference between the two is how far clocks may be apart.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from tunelet.errors import Retry
from tunelet.log.compaction import Head, follow
from tunelet.log.entry import Damaged, Entry
from tunelet.log.reader import heads, origin, purged
from tunelet.log.segment_cache import Recent
from tunelet.log.snapshots import Segments
from tunelet.ports import Store

FRESH = 30.0
PURGE_AFTER = 120.0

_TAKEN_KEPT = 1024

PURGES = 5
"""At most so many purges are met in one look: more are not one user's doing."""


class Moment(NamedTuple):
    """A time on both clocks: one stands still in a sleeping machine, the other may be set."""

    monotonic: float
    wall: float

    def seconds_to(self, later: "Moment") -> float:
        return max(later.monotonic - self.monotonic, later.wall - self.wall)


class Tail:
    """The newest entry of one log that this process has folded. One thread at a time."""

    def __init__(self, store: Store, path: str, clock: Callable[[], float], recent: Recent) -> None:
        self._store = store
        self._path = path
        self._clock = clock
        self._recent = recent
        self._purged = 0
        self.forget()

    def forget(self) -> None:
        """Begin anew with the newest snapshot."""
        self.head: Head | None = None
        self.segments = Segments(self._store, self._path, self._recent)
        self._sound = 0
        """The newest entry of which it is known that no purge had reached it."""
        self.taken: deque[str] = deque(maxlen=_TAKEN_KEPT)
        """Names of the letters that were opened last."""
        self._end: Moment | None = None
        """When `head` was last known to be the log's end."""

    def now(self) -> Moment:
        return Moment(time.monotonic(), self._clock())

    def seen_since(self, asked: Moment) -> bool:
        """The head was still the log's end when, or after, somebody asked for it."""
        return self._end is not None and self._end.monotonic >= asked.monotonic

    def advance(self) -> Head:
        """The head at the log's end, with all that others have written since."""
        for _ in range(PURGES):
            before, mark = self.now(), self._purged
            try:
                head = self._fold()
                if self._fresh() or self.stands(self._sound):
                    self._sound, self._end = head.seq, before
                    return head
            except Damaged:
                if self.stands(mark):
                    raise  # else it is what a purge has left
            self.forget()
        raise Retry("the experiment is being deleted; send it again")

    def present(self) -> Head:
        """The newest head known, which need not be the log's end."""
        return self.head or self.advance()

    def append(self, entry: Entry, checksum: str, sent: Moment) -> bool:
        """An entry of this process was created behind the head. False: in a purged log."""
        assert self.head is not None
        if not self._fresh() and not self.stands(self.head.seq):
            self.forget()
            return False
        self.head, closed = follow(self.head, entry, checksum)
        self.taken.extend(entry.taken)
        self._sound, self._end = self.head.seq, sent
        if closed is not None:
            self.segments.closed(closed, own=True)
        return True

    def settle(self) -> None:
        """Write the derived objects that this process owes."""
        tombstone = self.head.tombstone if self.head is not None else None
        self.segments.settle(tombstone.seq if tombstone is not None else 0)

    def stands(self, seq: int) -> bool:
        """No purge has begun that reaches beyond entry `seq`."""
        self._purged = purged(self._store, self._path)
        return self._purged <= seq

    def _fold(self) -> Head:
        if self.head is None or self.head.seq == 0:
            found = self.segments.newest(self._purged)
            self.head = found or origin(self._store, self._path)
            self._sound = self.head.seq
        for step in heads(self._store, self._path, self.head):
            self.head = step.head
            self.taken.extend(step.entry.taken)
            if step.closed is not None:
                self.segments.closed(step.closed, own=False)
        return self.head

    def _fresh(self) -> bool:
        return self._end is not None and self._end.seconds_to(self.now()) < FRESH
