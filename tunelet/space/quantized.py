"""Quantized hyperparameters: drawn between two bounds, then rounded to multiples of a step."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tunelet.space.base import (
    Fault,
    Grid,
    Parameter,
    as_number,
    clamped,
    decimal,
    not_a_number,
    not_an_integer,
    off_step,
    outside,
)

if TYPE_CHECKING:
    from tunelet.core.trial import Scalar


@dataclass(frozen=True)
class Quantized(Parameter):
    """round(x / step) * step of an x from `min` to `max`, like Hyperopt's quniform and qloguniform.

    So a bound that is a multiple of `step` is half as likely as its neighbour, and any other bound
    is rounded like other values of x. scale "log": x is uniform in log x. `integer` makes the
    values integers; then the step is a whole number, 1 by default.
    """

    min: float
    max: float
    step: float = 1.0
    scale: str = "linear"
    integer: bool = False

    @cached_property
    def _places(self) -> range:
        """The multiples of the step with a probability above 0."""
        step, half = decimal(self.step), decimal(0.5)
        first = math.floor(decimal(self.min) / step - half) + 1
        return range(first, math.ceil(decimal(self.max) / step + half))

    @property
    def count(self) -> int:
        return len(self._places)

    def at(self, index: int) -> float | int:
        return self._multiple(self._places[index])

    def from_unit(self, unit: float) -> float | int:
        low, high = self._scaled(self.min), self._scaled(self.max)
        drawn = low * (1 - unit) + high * unit
        return self.nearest(math.exp(drawn) if self.scale == "log" else drawn)

    def to_unit(self, value: "Scalar") -> float:
        number, half = as_number(value), self.step / 2
        return (self._below(number - half) + self._below(number + half)) / 2

    def fault(self, value: object) -> Fault | None:
        fault = not_an_integer(value) if self.integer else not_a_number(value)
        if fault or (fault := outside(value, self.at(0), self.at(-1))):
            return fault
        near = self.canonical(as_number(value))
        return (
            off_step(self.step, near) if abs(as_number(value) - near) > self.step * 1e-9 else None
        )

    def canonical(self, value: "Scalar") -> float | int:
        return self.nearest(as_number(value))

    def reaches(self, low: float, high: float) -> bool:
        return Grid(self, self.count).any_between(low, high)

    def nearest(self, number: float) -> float | int:
        """Return the valid value that is nearest to any number."""
        places = self._places
        return self._multiple(min(max(round(number / self.step), places[0]), places[-1]))

    def _multiple(self, place: int) -> float | int:
        return place * int(self.step) if self.integer else float(place * decimal(self.step))

    def _below(self, number: float) -> float:
        """The probability of an x below this number."""
        if number <= self.min:
            return 0.0
        low, high = self._scaled(self.min), self._scaled(self.max)
        return clamped((self._scaled(number) - low) / (high - low), 0.0, 1.0)

    def _scaled(self, number: float) -> float:
        return math.log(number) if self.scale == "log" else number
