"""Numbers in order, and their percentiles as numpy computes them."""

import math
from array import array
from bisect import bisect_left, insort
from typing import Protocol

_FEW = 16
"""New values up to which each is put in its place; more are sorted in together."""


class Numbers(Protocol):
    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> float: ...


class Ranked:
    """A multiset of numbers in ascending order; NaN is counted and otherwise left out.

    New values wait unsorted until the order is asked for, which makes taking in many cheap.
    """

    __slots__ = ("_new", "_sorted", "nans")

    def __init__(self) -> None:
        self.nans = 0
        self._sorted = array("d")
        self._new: list[float] = []

    def __len__(self) -> int:
        """How many there are, without NaNs."""
        return len(self._sorted) + len(self._new)

    def __getitem__(self, place: int) -> float:
        return float(self._ordered()[place])

    def add(self, value: float) -> None:
        if math.isnan(value):
            self.nans += 1
        else:
            self._new.append(value)

    def remove(self, value: float) -> None:
        if math.isnan(value):
            self.nans -= 1
        else:
            ordered = self._ordered()
            ordered.pop(bisect_left(ordered, value))

    def without(self, value: float) -> Numbers:
        """The numbers in order, one of this value left out. NaN leaves out nothing."""
        ordered = self._ordered()
        return ordered if math.isnan(value) else _Without(ordered, bisect_left(ordered, value))

    def _ordered(self) -> "array[float]":
        if len(self._new) > _FEW:
            self._sorted = array("d", sorted([*self._sorted, *self._new]))
        else:
            for value in self._new:
                insort(self._sorted, value)
        self._new.clear()
        return self._sorted


class _Without:
    __slots__ = ("_all", "_gap")

    def __init__(self, everything: "array[float]", gap: int) -> None:
        self._all = everything
        self._gap = gap

    def __len__(self) -> int:
        return len(self._all) - 1

    def __getitem__(self, place: int) -> float:
        return float(self._all[place if place < self._gap else place + 1])


def percentile(ordered: Numbers, percent: float) -> float:
    """Between neighbours by linear interpolation; NaN if there are no numbers.

    The operations are those of numpy.nanpercentile in their order, so that equal values
    compare equal and infinite ones give NaN where they do there.
    """
    if not len(ordered):
        return math.nan
    place = percent / 100 * (len(ordered) - 1)
    below = min(math.floor(place), len(ordered) - 1)
    low = ordered[below]
    high = ordered[min(below + 1, len(ordered) - 1)]
    weight = place - below
    if weight >= 0.5:
        return high - (high - low) * (1 - weight)
    return low + (high - low) * weight


def median(ordered: Numbers) -> float:
    """The mean of the middle two, as in numpy.median."""
    middle, odd = divmod(len(ordered), 2)
    return ordered[middle] if odd else (ordered[middle - 1] + ordered[middle]) / 2
