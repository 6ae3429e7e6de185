"""Memoization between two suggestions of an experiment in one process. It only saves time.

A model (a study of Optuna, a history of Hyperopt) converts each trial once, and converts it again
only if the trial has changed. The number of kept trials is bounded; the models used last are kept.
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
"""The largest number of trials that one cache keeps."""

T = TypeVar("T")


class Memo(Generic[T]):
    """The conversion of each trial of a sequence, made once: `make(place, trial)`."""

    def __init__(self, make: Callable[[int, Trial], T]) -> None:
        self._make = make
        self._trials: list[Trial] = []
        self.each: list[T] = []
        """The conversions, by place."""

    def update(self, trials: Sequence[Trial]) -> bool:
        """Convert new and changed trials. Returns False if an ended trial changed or is gone."""
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
    """Whether their JSON is equal: True and 1 are different hyperparameters."""
    return msgspec.json.encode(old) == msgspec.json.encode(new)


class Model(Protocol):
    """An object derived from an experiment's trials that can be brought up to date."""

    def update(self, problem: Problem, trials: Sequence[Trial]) -> None:
        """Replace the known trials by `trials`."""


M = TypeVar("M", bound=Model)

_CACHES: "list[MemoCache[Any]]" = []


def forget() -> None:
    """Clear all caches, as in a process that has just begun."""
    for cache in _CACHES:
        cache.clear()


class MemoCache(Generic[M]):
    """Models by problem. A caller that has taken one has it alone."""

    def __init__(self, room: int = ROOM) -> None:
        self._kept = BoundedCache[Hashable, M](weight=room)
        self._lock = threading.Lock()
        _CACHES.append(self)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    @contextmanager
    def of(
        self, problem: Problem, trials: Sequence[Trial], new: Callable[[], M], *more: Hashable
    ) -> Iterator[M]:
        """Lend the model of this problem and `more`, or a `new` one, up to date with `trials`.

        An error in the block discards the model.
        """
        key = _key(problem), more
        with self._lock:
            found = self._kept.take(key)
        model = found or new()
        model.update(problem, trials)
        yield model
        # A model without trials needs room too, or any number of them would be kept.
        size = max(1, len(trials) + len(problem.prior))
        with self._lock:
            self._kept.put(key, model, size)


def _key(problem: Problem) -> Hashable:
    """Equal in every call of an experiment, and for experiments with the same problem."""
    space = tuple(map(repr, problem.space))
    return problem.seed, problem.objectives, problem.constraints, space
