"""Create the next entry of a log exactly once, whatever the store answers.

An entry's bytes are fixed before the first try and unique. After an unclear answer the
writer reads the key and finds its own bytes (it won), other bytes (it lost) or nothing
(it sends the same bytes to the same key again).
"""

import math
import random
import time
from collections.abc import Callable
from itertools import count
from uuid import uuid4

from tunelet.core.events import Event
from tunelet.errors import CommitUnknown, Reject, Retry, TuneletError, Unavailable
from tunelet.log.compaction import Head
from tunelet.log.entry import FORMAT, Damaged, Entry, decode, encode
from tunelet.log.reader import entry_key
from tunelet.log.tail import Moment, Tail
from tunelet.ports import Store, Stored

LONGEST_PACE = 0.5


class Writer:
    """Writes the entry after the head of `tail`, and updates `tail`."""

    def __init__(self, store: Store, path: str, tail: Tail, sleep: Callable[[float], None]) -> None:
        self._store = store
        self._path = path
        self._tail = tail
        self._sleep = sleep
        self._led = -1
        """The newest entry that this process wrote."""
        self.pace: float | None = None
        """The duration of a write in seconds, as a moving average."""
        self._wrote_at = -math.inf

    def leads(self, head: Head) -> bool:
        """Whether this process wrote the last entry: then it may write the next one directly."""
        return head.seq == self._led

    @property
    def steady(self) -> bool:
        """Whether this process wrote its last entry just now, so that it seems to go on."""
        return time.monotonic() - self._wrote_at < 2 * (self.pace or 0.0)

    def write(
        self, head: Head, happened: list[Event], until: float, taken: tuple[str, ...] = ()
    ) -> bool:
        """Try to write the next entry. False: another process wrote that entry.

        `until` is the time (`time.monotonic`) after which it raises `CommitUnknown` if the outcome
        is still unclear.
        """
        entry = Entry(
            format=FORMAT,
            seq=head.seq + 1,
            prev=head.sum,
            nonce=uuid4().hex[:16],
            events=tuple(happened),
            taken=taken,
        )
        data, _ = encode(entry)
        try:
            entry, checksum = decode(data, entry.seq, head.sum)  # as all others will read it
        except Damaged as error:
            raise ValueError(f"this cannot stand in a log: {error}") from error
        key, sent = entry_key(self._path, entry.seq), self._tail.now()
        if not self._create(key, data, until):
            return False
        self.took(time.monotonic() - sent.monotonic)
        if not self._follow(entry, checksum, sent, until):
            self._store.delete(key)
            return False
        self._led, self._wrote_at = entry.seq, time.monotonic()
        return True

    def _create(self, key: str, data: bytes, until: float) -> bool:
        """Create the object exactly once, whatever the store answers.

        Neither "exists" nor a fault is believed: both may hide our own write. A refusal is
        believed only on the first try: later the credentials may have expired. If the store is
        unavailable the writer does not wait, because all readers of this log would wait with it.
        """
        for tries in count():
            fault: TuneletError = Retry("the store shows neither this entry nor another")
            try:
                if self._store.create(key, data):
                    return True
            except (Retry, Reject) as error:
                if isinstance(error, Reject | Unavailable) and tries == 0:
                    raise
                fault = error
            standing = self._look(key)
            if standing is not None:
                return standing.data == data
            if time.monotonic() >= until or isinstance(fault, Unavailable):
                raise CommitUnknown(f"it is not known whether the change stands: {fault}")
            self._wait_after(fault, tries)
        raise AssertionError("unreachable")

    def _look(self, key: str) -> Stored | None:
        try:
            return self._store.get(key)
        except (Retry, Reject):
            return None

    def _follow(self, entry: Entry, checksum: str, sent: Moment, until: float) -> bool:
        """Build on the entry just written; False if a purge has passed it."""
        for tries in count():
            try:
                return self._tail.append(entry, checksum, sent)
            except (Retry, Reject) as fault:
                if time.monotonic() >= until or isinstance(fault, Unavailable):
                    raise CommitUnknown(f"the change may have come too late: {fault}") from fault
                self._wait_after(fault, tries)
        raise AssertionError("unreachable")

    def _wait_after(self, fault: TuneletError, tries: int) -> None:
        self.wait(tries, fault.after if isinstance(fault, Retry) else None)

    def wait(self, tries: int, after: float | None = None) -> None:
        self._sleep(after or random.uniform(0, min(2.0, 0.01 * 2 ** min(tries, 10))))

    def took(self, seconds: float) -> None:
        """Add the duration of one write to the average."""
        self.pace = seconds if self.pace is None else 0.8 * self.pace + 0.2 * seconds
        self.pace = min(self.pace, LONGEST_PACE)
