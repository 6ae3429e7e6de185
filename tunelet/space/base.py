"""The common part of all kinds of hyperparameters.

Every kind maps the unit interval onto its values by the inverse of its distribution function
(`from_unit`), and back (`to_unit`), so that code for a uniform variable works with any prior:
`from_unit(u)` of a uniform u in [0, 1) follows the prior, and `from_unit(to_unit(v))` is v again (a
float up to rounding, and within 8 standard deviations).

Values are JSON scalars of the declared type, never outside the bounds. A grid starts at `min`, as
in Optuna and Ray; its points are computed in decimal, so 0.1 + 2 * 0.1 is 0.3.

The kinds are plain dataclasses, which load in a sixth of the time of equivalent pydantic models:
`suggest` often starts cold.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, overload

from tunelet.space.conditions import Condition
from tunelet.text.limits import SAFE_INTEGER
from tunelet.text.messages import quoted

if TYPE_CHECKING:
    from tunelet.core.trial import Scalar


class Fault(NamedTuple):
    """Why a value is not valid for a parameter, and the remedy."""

    message: str
    remedy: str


class Grid(Sequence["Scalar"]):
    """A finite parameter's values in ascending order (choices: as listed), made on demand."""

    def __init__(self, parameter: "Parameter", count: int) -> None:
        self._parameter = parameter
        self._indices = range(count)

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> "Scalar": ...
    @overload
    def __getitem__(self, index: slice) -> "Sequence[Scalar]": ...
    def __getitem__(self, index: "int | slice") -> "Scalar | Sequence[Scalar]":
        if isinstance(index, slice):
            return [self._parameter.at(i) for i in self._indices[index]]
        return self._parameter.at(self._indices[index])

    def any_between(self, low: float, high: float) -> bool:
        """Whether a value is from `low` to `high`. The values must be numbers."""
        return bisect_left(self, low) < bisect_right(self, high)  # type: ignore[type-var]


@dataclass(frozen=True)
class Parameter:
    """A hyperparameter. `when` holds its conditions by parent."""

    name: str
    when: Mapping[str, Condition] = field(default_factory=dict, kw_only=True)

    @property
    def count(self) -> int | None:
        """The number of values; None if there are infinitely many."""
        return None

    @property
    def continuous(self) -> bool:
        """Whether every single value has probability 0."""
        return False

    def at(self, index: int) -> "Scalar":
        """Return value number `index`. Raises `TypeError` if there are infinitely many."""
        raise TypeError(f"{self.name} has no grid")

    def from_unit(self, unit: float) -> "Scalar":
        """Return the value at this quantile of the prior, 0 <= unit <= 1."""
        raise NotImplementedError

    def to_unit(self, value: "Scalar") -> float:
        """Return the quantile of a value; if values are discrete, the middle of its cell."""
        raise NotImplementedError

    def fault(self, value: object) -> Fault | None:
        """Return why this is not a valid value; None if it is."""
        raise NotImplementedError

    def canonical(self, value: "Scalar") -> "Scalar":
        """Return a valid value in the declared type and exactly on the grid."""
        return value

    def reaches(self, low: float, high: float) -> bool:
        """Whether a value from `low` to `high` has a probability above 0."""
        raise NotImplementedError


def decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def as_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"not a number: {value!r}")
    return float(value)


def cell(unit: float, count: int) -> int:
    return min(int(unit * count), count - 1)


def clamped(number: float, low: float, high: float) -> float:
    return min(max(number, low), high)


def not_a_number(value: object) -> Fault | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Fault("must be a number", "write a JSON number, without quotes")
    if abs(value) > 1e300 or value != value:  # noqa: PLR0124 -- NaN
        return Fault("is too large or not finite", "use a number between -1e300 and 1e300")
    return None


def not_an_integer(value: object) -> Fault | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return Fault("must be an integer", "write a JSON integer, without quotes and fraction")
    if abs(value) > SAFE_INTEGER:
        return Fault("is too large", "use an integer between -(2^53 - 1) and 2^53 - 1")
    return None


def outside(value: object, low: float, high: float) -> Fault | None:
    if low <= as_number(value) <= high:
        return None
    return Fault("is out of bounds", f"use a value from {low} to {high}")


def off_step(step: float, near: float) -> Fault:
    return Fault(f"is not on the grid of step {step}", f"the nearest value is {quoted(near)}")
