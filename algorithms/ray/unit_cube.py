"""A space without conditions as a cube: an assignment is a point, a hyperparameter an axis.

The coordinate of a number is the quantile of its prior, from 0 to 1, so the scale is part of it;
the value is rounded to a step. The coordinate of a choice is its place in the list. If the library
supports only numbers, it is a quantile, too.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tunelet.core.trial import Assignment
from tunelet.space import Categorical, Parameter, Space

Point = tuple[float, ...]
"""One coordinate per axis: 0 to 1, or the place of a choice."""


class Axis(NamedTuple):
    name: str
    choices: int | None
    """The number of choices; None: a quantile."""


class Cube:
    """Converts assignments to points and back."""

    def __init__(self, space: Space, choices: bool = True) -> None:
        self._space = space
        self._choices = choices
        self.axes = [Axis(one.name, one.count if self._chosen(one) else None) for one in space]

    def holds(self, assignment: Assignment) -> bool:
        """Whether all values are in the space; those of another experiment may not be."""
        return not self._space.problems(assignment)

    def point(self, assignment: Assignment) -> Point:
        return tuple(
            one.place(assignment[one.name])
            if isinstance(one, Categorical) and self._choices
            else one.to_unit(assignment[one.name])
            for one in self._space
        )

    def assignment(self, point: Sequence[float]) -> Assignment:
        values = dict(zip(self._space.parameters, point, strict=True))
        return self._space.build(
            lambda one: (
                one.at(round(values[one.name]))
                if self._chosen(one)
                else one.from_unit(min(max(float(values[one.name]), 0.0), 1.0))
            )
        )

    def whole(self, point: Point) -> list[float]:
        """Return the coordinates, those of choices as integers."""
        return [
            value if axis.choices is None else int(value)
            for axis, value in zip(self.axes, point, strict=True)
        ]

    def _chosen(self, one: Parameter) -> bool:
        return self._choices and isinstance(one, Categorical)
