"""Which trials the newest entries of a study's log have changed.

So a reader that knows the log up to an entry gets only the trials that have changed since.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge

from tunelet.core import events
from tunelet.core.events import Event
from tunelet.core.trial import Trial
from tunelet.log.compaction import Head, TrialReader
from tunelet.log.entry import Entry

KEPT = 1024
"""The most entries that are kept."""


class Touched:
    """The numbers of the trials that each of the newest entries has changed. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[tuple[int, frozenset[int]]] = deque(maxlen=KEPT)

    def add(self, entry: Entry) -> None:
        """Add the entry that follows the newest one."""
        with self._lock:
            self._entries.append((entry.seq, frozenset(_numbers(entry.events))))

    def since(self, seq: int, last: int) -> set[int] | None:
        """Return the trials that entries `seq + 1` to `last` changed; None if it is not known."""
        if seq == last:
            return set()
        with self._lock:
            if not self._entries or not self._entries[0][0] <= seq + 1 <= last:
                return None
            return set().union(*(numbers for at, numbers in self._entries if at > seq))


def changed(
    head: Head, left: TrialReader, numbers: set[int] | None, lowest: int
) -> Iterator[Trial]:
    """Yield the trials from `lowest` on, in order: those with these numbers; None: all.

    `left` reads the trials that have left the head's experiment.
    """
    assert head.experiment is not None
    known, count = head.experiment.trials, head.experiment.next_number
    if numbers is None:
        here = sorted((t for t in known.values() if t.number >= lowest), key=_number)
        return merge(left(lowest - 1), here, key=_number)
    wanted = {n for n in numbers if lowest <= n < count}
    here = [known[n] for n in sorted(wanted & known.keys())]
    gone = wanted - known.keys()
    if not gone:
        return iter(here)
    read = (t for t in left(min(gone) - 1, _Except(gone)) if t.number in gone)
    return merge(read, here, key=_number)


def _numbers(happened: Iterable[Event]) -> Iterator[int]:
    for event in happened:
        if isinstance(event, events.TrialsCreated):
            yield from range(event.first, event.first + len(event.assignments))
        elif (number := getattr(event, "number", None)) is not None:
            yield number


def _number(trial: Trial) -> int:
    return trial.number


class _Except(Mapping[int, Trial]):
    """A container of all trials except `wanted`, for a reader that skips what it contains."""

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted

    def __getitem__(self, number: int) -> Trial:
        if number in self._wanted:
            raise KeyError(number)
        return Trial(number, {}, 0.0)

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0
