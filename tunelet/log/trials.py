"""All trials of an experiment, as its algorithm sees them.

A trial that has ended never changes. So a process keeps those that it read last, and reads only
those that have ended since. It keeps at most `ROOM` trials and reports over all experiments.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import overload

from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.trial import Trial
from tunelet.errors import Reject, Retry

ROOM = 1 << 16


class Past(Sequence[Trial]):
    """Trials that are read at the first access, because not every algorithm needs them.

    An access raises `Retry` if they cannot be read now: the fault is never the algorithm's.
    """

    def __init__(self, read: Callable[[], Sequence[Trial]]) -> None:
        self._read = read

    @cached_property
    def _trials(self) -> Sequence[Trial]:
        try:
            return self._read()
        except Reject as refusal:
            raise Retry(f"the past cannot be read: {refusal}") from refusal

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | Sequence[Trial]:
        return self._trials[index]


class Ended:
    """The ended trials of one experiment that this process knows."""

    def __init__(self) -> None:
        self._first: list[Trial] = []
        self._others: dict[int, Trial] = {}
        self._size = 0

    @property
    def last(self) -> int:
        """The number up to which all trials are known."""
        return len(self._first) - 1

    @property
    def others(self) -> Mapping[int, Trial]:
        """The known trials with higher numbers."""
        return self._others

    def complete(self, rest: Iterable[Trial]) -> tuple[Trial, ...]:
        """Return all trials: the known ones up to `last`, then `rest`, in order of number."""
        found = (*self._first, *rest)
        new = found[len(self._first) :]
        self._others = {trial.number: trial for trial in new if trial.state.finished}
        while (following := self._others.pop(len(self._first), None)) is not None:
            self._first.append(following)
            self._size += _size(following)
        return found

    @property
    def size(self) -> int:
        """The number of trials and reports."""
        return self._size + sum(map(_size, self._others.values()))


def _size(trial: Trial) -> int:
    return 1 + len(trial.reports)


class Memory:
    """Ended trials by the experiment's uid. Taking them removes them from here."""

    def __init__(self, room: int = ROOM) -> None:
        self._kept = BoundedCache[str, Ended](weight=room)
        self._lock = threading.Lock()

    def take(self, uid: str) -> Ended:
        with self._lock:
            return self._kept.take(uid) or Ended()

    def put(self, uid: str, ended: Ended) -> None:
        with self._lock:
            self._kept.put(uid, ended, ended.size)
