"""The conditions of a `when`: predicates over a parent's value.

A parameter with several conditions is active if all their parents are active and all hold.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tunelet.core.trial import Scalar


def identity(value: object) -> tuple[bool, object]:
    """Return a key that scalars share if they are equal in JSON: 1 is 1.0 but not true."""
    return isinstance(value, bool), value


@dataclass(frozen=True)
class OneOf:
    """The parent's value is one of these."""

    values: "tuple[Scalar, ...]"

    def holds(self, value: object) -> bool:
        return not isinstance(value, list | dict) and identity(value) in self._identities

    @cached_property
    def _identities(self) -> frozenset[tuple[bool, object]]:
        return frozenset(map(identity, self.values))

    def __str__(self) -> str:
        from tunelet.text.messages import listed, quoted

        return (
            f"be {quoted(self.values[0])}"
            if len(self.values) == 1
            else f"be one of {listed(self.values)}"
        )


@dataclass(frozen=True, slots=True)
class Between:
    """The parent's value is a number from `min` to `max`, both included."""

    min: float = -math.inf
    max: float = math.inf

    def holds(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.min <= value <= self.max

    def __str__(self) -> str:
        if math.isinf(self.max):
            return f"be at least {self.min:g}"
        if math.isinf(self.min):
            return f"be at most {self.max:g}"
        return f"be from {self.min:g} to {self.max:g}"


Condition = OneOf | Between


def conditions(when: Mapping[str, Any]) -> dict[str, Condition]:
    """Return conditions by parent from canonical JSON: a list of values, or {"min", "max"}."""
    return {parent: _condition(form) for parent, form in when.items()}


def _condition(form: Any) -> Condition:
    if isinstance(form, list):
        return OneOf(tuple(form))
    low, high = form.get("min"), form.get("max")
    return Between(
        -math.inf if low is None else float(low), math.inf if high is None else float(high)
    )
