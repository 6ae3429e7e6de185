"""Hyperparameters with bounds: floats, integers and choices."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from tunelet.space.base import (
    Fault,
    Grid,
    Parameter,
    as_number,
    cell,
    clamped,
    decimal,
    not_a_number,
    not_an_integer,
    off_step,
    outside,
)
from tunelet.space.conditions import Between, identity
from tunelet.text.messages import listed

if TYPE_CHECKING:
    from tunelet.core.trial import Scalar


@dataclass(frozen=True)
class Float(Parameter):
    """A number from `min` to `max`; with a `step`, min + k * step.

    scale "log": uniform in log x. "reverse_log": uniform in log(1 - x), so dense towards `max`, and
    only for 0 <= min < max < 1, like SageMaker's ReverseLogarithmic: x = 1 - (1 - min)^(1 - u) *
    (1 - max)^u for a uniform u.
    """

    min: float
    max: float
    scale: str = "linear"
    step: float | None = None

    @cached_property
    def count(self) -> int | None:
        if self.step is None:
            return None
        return int((decimal(self.max) - decimal(self.min)) // decimal(self.step)) + 1

    @property
    def continuous(self) -> bool:
        return self.step is None

    def at(self, index: int) -> float:
        point = float(decimal(self.min) + index * decimal(self.step or 0.0))
        return min(point, self.max)

    def from_unit(self, unit: float) -> float:
        if self.count is not None:
            return self.at(cell(unit, self.count))
        low, high = self._scaled(self.min), self._scaled(self.max)
        return clamped(self._unscaled(low * (1 - unit) + high * unit), self.min, self.max)

    def to_unit(self, value: "Scalar") -> float:
        number = clamped(as_number(value), self.min, self.max)
        if self.count is not None:
            return (self._nearest(number) + 0.5) / self.count
        low, high = self._scaled(self.min), self._scaled(self.max)
        return clamped((self._scaled(number) - low) / (high - low), 0.0, 1.0)

    def fault(self, value: object) -> Fault | None:
        if fault := not_a_number(value) or outside(value, self.min, self.max):
            return fault
        number = as_number(value)
        if self.step is None or abs(number - (near := self.canonical(number))) <= self.step * 1e-9:
            return None
        return off_step(self.step, near)

    def canonical(self, value: "Scalar") -> float:
        number = as_number(value)
        return number if self.step is None else self.at(self._nearest(number))

    def reaches(self, low: float, high: float) -> bool:
        if self.count is not None:
            return Grid(self, self.count).any_between(low, high)
        return max(low, self.min) < min(high, self.max)

    def nearest(self, number: float) -> float:
        """Return the valid value that is nearest to any number."""
        return self.canonical(clamped(number, self.min, self.max))

    def _nearest(self, number: float) -> int:
        index = round((number - self.min) / (self.step or 1.0))
        return min(max(index, 0), (self.count or 1) - 1)

    def _scaled(self, number: float) -> float:
        if self.scale == "log":
            return math.log(number)
        return -math.log1p(-number) if self.scale == "reverse_log" else number

    def _unscaled(self, number: float) -> float:
        if self.scale == "log":
            return math.exp(number)
        return -math.expm1(-number) if self.scale == "reverse_log" else number


@dataclass(frozen=True)
class Int(Parameter):
    """An integer from `min` to `max`, both included; with a `step`, min + k * step.

    scale "log": uniform between log(min - 1/2) and log(max + 1/2), rounded, as in Optuna.
    """

    min: int
    max: int
    scale: str = "linear"
    step: int = 1

    @property
    def count(self) -> int:
        return (self.max - self.min) // self.step + 1

    def at(self, index: int) -> int:
        return self.min + index * self.step

    def from_unit(self, unit: float) -> int:
        if self.scale == "linear":
            return self.at(cell(unit, self.count))
        low, high = math.log(self.min - 0.5), math.log(self.max + 0.5)
        return min(max(round(math.exp(low + (high - low) * unit)), self.min), self.max)

    def to_unit(self, value: "Scalar") -> float:
        number = clamped(as_number(value), self.min, self.max)
        if self.scale == "linear":
            return (round((number - self.min) / self.step) + 0.5) / self.count
        low, high = math.log(self.min - 0.5), math.log(self.max + 0.5)
        return (math.log(number) - low) / (high - low)

    def fault(self, value: object) -> Fault | None:
        if fault := not_an_integer(value) or outside(value, self.min, self.max):
            return fault
        assert isinstance(value, int)
        off = (value - self.min) % self.step
        return off_step(self.step, value - off) if off else None

    def nearest(self, number: float) -> int:
        """Return the valid value that is nearest to any number."""
        index = round((clamped(number, self.min, self.max) - self.min) / self.step)
        return self.at(min(index, self.count - 1))

    def reaches(self, low: float, high: float) -> bool:
        return Grid(self, self.count).any_between(low, high)


@dataclass(frozen=True)
class Categorical(Parameter):
    """One of `choices`, drawn in proportion to `weights` (empty: equal weights)."""

    choices: "tuple[Scalar, ...]"
    weights: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        return len(self.choices)

    def at(self, index: int) -> "Scalar":
        return self.choices[index]

    def from_unit(self, unit: float) -> "Scalar":
        index = bisect_right(self._bounds, unit) - 1
        return self.choices[min(index, len(self.choices) - 1)]

    def place(self, value: "Scalar") -> int:
        """Return the index of a choice; True and 1 are different ones. Raises `KeyError`."""
        return self._places[identity(value)]

    def to_unit(self, value: "Scalar") -> float:
        index = self.place(value)
        return (self._bounds[index] + self._bounds[index + 1]) / 2

    def fault(self, value: object) -> Fault | None:
        if not isinstance(value, list | dict) and identity(value) in self._places:
            return None
        return Fault("is not one of the choices", f"use one of {listed(self.choices)}")

    def canonical(self, value: "Scalar") -> "Scalar":
        return self.choices[self.place(value)]

    def reaches(self, low: float, high: float) -> bool:
        return any(Between(low, high).holds(choice) for choice in self.choices)

    @cached_property
    def _places(self) -> dict[tuple[bool, object], int]:
        return {identity(choice): index for index, choice in enumerate(self.choices)}

    @cached_property
    def _bounds(self) -> tuple[float, ...]:
        """The start of each choice's part of the unit interval, and 1 as the end."""
        sums = list(accumulate(self.weights or (1.0,) * len(self.choices), initial=0.0))
        return (*(one / sums[-1] for one in sums[:-1]), 1.0)
