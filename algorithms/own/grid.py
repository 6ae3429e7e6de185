"""Grid search: every combination once, then exhausted.

Integers, choices and numbers with a step contribute all their values. A continuous hyperparameter
contributes `points` values: evenly on its scale from `min` to `max`; if it is normal or lognormal,
the medians of `points` equally probable parts of its prior.

The order is fixed. It strides through the numbered combinations by about the golden section of
their number, so that a budget smaller than the grid covers the whole space instead of one corner
(a rank-1 lattice: Niederreiter, 1992, chapter 5).
"""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from algorithms.enumeration import Enumeration
from algorithms.novelty import key
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Scalar, Trial
from tunelet.ports import Algorithm
from tunelet.space import Float, Parameter, Space


class GridSearch:
    def __init__(self, *, points: int = 10) -> None:
        if points < 1:
            raise ValueError("points must be at least 1")
        self._points = points

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        tried = {key(trial.hyperparameters) for trial in trials}
        untried = (one for one in self.combinations(problem.space) if key(one) not in tried)
        found = list(islice(untried, count))
        return Suggestions(found, exhausted=len(found) < count)

    def combinations(self, space: Space) -> Iterator[Assignment]:
        """Yield the whole grid in the order in which it is tried."""
        grid = Enumeration(space, {one.name: self._values(space, one) for one in space})
        stride = _stride(grid.size)
        return (grid.at(i * stride % grid.size) for i in range(grid.size))

    def _values(self, space: Space, parameter: Parameter) -> Sequence[Scalar]:
        finite = space.grid_values(parameter)
        if finite is not None:
            return finite
        if isinstance(parameter, Float) and self._points > 1:
            between = (i / (self._points - 1) for i in range(1, self._points - 1))
            return [parameter.min, *map(parameter.from_unit, between), parameter.max]
        middles = ((i + 0.5) / self._points for i in range(self._points))
        # A quantized prior has the same value at several quantiles.
        return list(dict.fromkeys(map(parameter.from_unit, middles)))


def _stride(size: int) -> int:
    """The first number from the golden section of `size` on that is coprime to `size`."""
    stride = max(size * 618_033_988_749_894_848 // 10**18, 1)
    while math.gcd(stride, size) != 1:
        stride += 1
    return stride


if TYPE_CHECKING:
    _: type[Algorithm] = GridSearch
