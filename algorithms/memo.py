"""What a process keeps between two suggestions of an experiment, so as not to make it anew.

Only time depends on it: what was made of trials is used again for the very same trials, and made
anew where one is another. There is room for a bounded number of trials; those used last stay.
"""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from operator import is_
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.problem import Problem
from tunelet.core.trial import Trial

ROOM = 1 << 15
"""So many trials at most are kept on one shelf."""

T = TypeVar("T")


class Memo(Generic[T]):
    """What each trial of a sequence was made into, by its place."""

    def __init__(self, make: Callable[[int, Trial], T]) -> None:
        self._make = make
        self._trials: list[Trial] = []
        self.each: list[T] = []

    def follow(self, trials: Sequence[Trial]) -> bool:
        """Make what is new, and say whether all trials that had ended are what they were."""
        now, known = list(trials), self._trials
        unchanged = len(now) >= len(known)
        if not unchanged or not all(map(is_, known, now)):
            for place, (old, new) in enumerate(zip(known, now, strict=False)):
                if old is not new and not _same(old, new):
                    self.each[place] = self._make(place, new)
                    unchanged = unchanged and not old.state.finished
        del self.each[len(now) :]
        self.each += map(self._make, range(len(known), len(now)), now[len(known) :])
        self._trials = now
        return unchanged


def _same(old: Trial, new: Trial) -> bool:
    """By their JSON, for True and 1 are different hyperparameters."""
    return msgspec.json.encode(old) == msgspec.json.encode(new)


class Follower(Protocol):
    """What is made of an experiment's trials, and goes on with more of them."""

    def follow(self, problem: Problem, trials: Sequence[Trial]) -> None:
        """See these trials from now on."""


F = TypeVar("F", bound=Follower)

_SHELVES: "list[MemoCache[Any]]" = []


def forget() -> None:
    """Be as a process that has just begun."""
    for shelf in _SHELVES:
        shelf.clear()


class MemoCache(Generic[F]):
    """Followers by what is asked of them. Whoever has taken one has it alone."""

    def __init__(self, room: int = ROOM) -> None:
        self._kept = BoundedCache[Hashable, F](weight=room)
        self._lock = threading.Lock()
        _SHELVES.append(self)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    @contextmanager
    def of(
        self, problem: Problem, trials: Sequence[Trial], new: Callable[[], F], *more: Hashable
    ) -> Iterator[F]:
        """The one that followed this experiment last, or else a new one. An error discards it."""
        key = _asked(problem), more
        with self._lock:
            found = self._kept.take(key)
        follower = found or new()
        follower.follow(problem, trials)
        yield follower
        # One of no trials takes room too, or any number of them would be kept.
        size = max(1, len(trials) + len(problem.prior))
        with self._lock:
            self._kept.put(key, follower, size)


def _asked(problem: Problem) -> Hashable:
    """Equal from call to call of an experiment; another's is, if it asks for the very same."""
    space = tuple(map(repr, problem.space))
    return problem.seed, problem.objectives, problem.constraints, space
