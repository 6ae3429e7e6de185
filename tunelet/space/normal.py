"""Hyperparameters without bounds: normal and lognormal priors."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tunelet.space.base import (
    Fault,
    Parameter,
    as_number,
    clamped,
    decimal,
    not_a_number,
    not_an_integer,
    off_step,
)

if TYPE_CHECKING:
    from statistics import NormalDist

    from tunelet.core.trial import Scalar

_EDGE = 2.0**-53
"""Quantiles are kept this far from 0 and 1, where the value would be infinite."""


@dataclass(frozen=True)
class Normal(Parameter):
    """A normally distributed number, unbounded; with a `step`, round(x / step) * step.

    `integer` makes the values integers; then the step is a whole number, 1 by default.
    """

    mean: float
    std: float
    step: float | None = None
    integer: bool = False

    @property
    def continuous(self) -> bool:
        return self.step is None

    def from_unit(self, unit: float) -> float | int:
        quantile = self._distribution.inv_cdf(clamped(unit, _EDGE, 1 - _EDGE))
        return self._quantized(self._from_normal(quantile))

    def to_unit(self, value: "Scalar") -> float:
        number, half = as_number(value), (self.step or 0.0) / 2
        return (self._below(number - half) + self._below(number + half)) / 2

    def fault(self, value: object) -> Fault | None:
        fault = not_an_integer(value) if self.integer else not_a_number(value)
        if fault:
            return fault
        number = as_number(value)
        if not self._positive(number):
            return Fault("is not a value of a lognormal parameter", "use a number above 0")
        if self.step and abs(number - (near := self._quantized(number))) > self.step * 1e-9:
            return off_step(self.step, near)
        return None

    def canonical(self, value: "Scalar") -> float | int:
        return self._quantized(as_number(value))

    def reaches(self, low: float, high: float) -> bool:
        if self.step is None:
            return low < high and self._positive(high)
        first = -math.inf if math.isinf(low) else math.ceil(low / self.step)
        last = math.inf if math.isinf(high) else math.floor(high / self.step)
        return first <= last and self._positive(high)

    @cached_property
    def _distribution(self) -> "NormalDist":
        from statistics import NormalDist

        return NormalDist(self.mean, self.std)

    def _quantized(self, number: float) -> float | int:
        if self.step is None:
            return number
        count = round(number / self.step)
        return count * int(self.step) if self.integer else float(count * decimal(self.step))

    def _below(self, number: float) -> float:
        return self._distribution.cdf(number)

    def _from_normal(self, quantile: float) -> float:
        return quantile

    def _positive(self, _number: float) -> bool:
        return True


@dataclass(frozen=True)
class LogNormal(Normal):
    """exp(normal(mean, std)): `mean` and `std` are the logarithm's, as in Hyperopt."""

    def _below(self, number: float) -> float:
        return self._distribution.cdf(math.log(number)) if number > 0 else 0.0

    def _from_normal(self, quantile: float) -> float:
        return math.exp(quantile)

    def _positive(self, number: float) -> bool:
        return number > 0 or (number == 0 and self.step is not None)
