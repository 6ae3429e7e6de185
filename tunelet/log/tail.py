"""The end of a log as this process knows it, and the check that no purge has overtaken it.

A purge removes the entries before a tombstone, and so makes their numbers free again for a
process that slept since it folded them. It begins `purge.PURGE_AFTER` seconds after the deletion at
the earliest, and writes its mark first (`tunelet.log.reader.purged`). So a process may build on a
head that was the log's end less than `FRESH` seconds ago, and on an older one after reading the
mark. The difference between the two is how far clocks may be apart.
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
from tunelet.log.touched import Touched
from tunelet.ports import Store

FRESH = 30.0

_TAKEN_KEPT = 1024

PURGES = 5
"""The most purges accepted in one read: one user does not cause more."""


class Moment(NamedTuple):
    """A time on both clocks: one stops while the machine sleeps, the other may be set."""

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
        """Start again from the newest snapshot."""
        self.head: Head | None = None
        self.segments = Segments(self._store, self._path, self._recent)
        self._sound = 0
        """The newest entry that no purge had reached when last checked."""
        self.taken: deque[str] = deque(maxlen=_TAKEN_KEPT)
        """Names of the inbox batches that were settled last."""
        self.touched = Touched()
        """Of a study: what the entries up to `head` have changed."""
        self._end: Moment | None = None
        """When `head` was last known to be the log's end."""

    def now(self) -> Moment:
        return Moment(time.monotonic(), self._clock())

    def seen_since(self, asked: Moment) -> bool:
        """Whether the head was known to be the log's end at `asked` or later."""
        return self._end is not None and self._end.monotonic >= asked.monotonic

    def advance(self) -> Head:
        """Read the entries that others have written, and return the head at the log's end."""
        for _ in range(PURGES):
            before, mark = self.now(), self._purged
            try:
                head = self._fold()
                if self._fresh() or self.stands(self._sound):
                    self._sound, self._end = head.seq, before
                    return head
            except Damaged:
                if self.stands(mark):
                    raise  # else a purge has removed the entries
            self.forget()
        raise Retry("the experiment is being deleted; send it again")

    def present(self) -> Head:
        """Return the newest known head, which need not be the log's end."""
        return self.head or self.advance()

    def append(self, entry: Entry, checksum: str, sent: Moment) -> bool:
        """Add an entry that this process created after the head. False: a purge has passed it."""
        assert self.head is not None
        if not self._fresh() and not self.stands(self.head.seq):
            self.forget()
            return False
        after, closed = follow(self.head, entry, checksum)
        self._take(after, entry)
        self._sound, self._end = self.head.seq, sent
        if closed is not None:
            self.segments.closed(closed, own=True)
        return True

    def settle(self) -> None:
        """Write the snapshots and segments that this process owes."""
        tombstone = self.head.tombstone if self.head is not None else None
        self.segments.settle(tombstone.seq if tombstone is not None else 0)

    def stands(self, seq: int) -> bool:
        """Whether no purge has begun that reaches past entry `seq`."""
        self._purged = purged(self._store, self._path)
        return self._purged <= seq

    def _fold(self) -> Head:
        near = self.head is not None and self.head.seq > 0
        if self.head is None or self.head.seq == 0:
            found = self.segments.newest(self._purged)
            self.head = self._own(found or origin(self._store, self._path))
            self._sound = self.head.seq
        for step in heads(self._store, self._path, self.head, near):
            self._take(self._own(step.head), step.entry)
            if step.closed is not None:
                self.segments.closed(step.closed, own=False)
        return self.head

    def _own(self, head: Head) -> Head:
        """Return the head. Raises `Damaged` if its experiment is not the one that the keys name.

        A tenant that can write into its own store could otherwise have trials run as another.
        """
        experiment = head.experiment
        if experiment is not None:
            named = f"{experiment.namespace}/{experiment.name}"
            if self._path != f"v1/{named}/":
                raise Damaged(f"entry {head.seq} is foreign: it belongs to {named}")
        return head

    def _take(self, head: Head, entry: Entry) -> None:
        if head.experiment is not None and head.experiment.study is not None:
            # Before the head: other threads read both, in the opposite order.
            self.touched.add(entry)
        self.head = head
        self.taken.extend(entry.taken)

    def _fresh(self) -> bool:
        return self._end is not None and self._end.seconds_to(self.now()) < FRESH
