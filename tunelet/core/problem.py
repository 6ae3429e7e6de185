"""The problem that an algorithm gets, and the suggestions that it returns. Pure data."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tunelet.core.trial import Assignment, Number, Trial, number

if TYPE_CHECKING:
    from tunelet.space import Space


class Objective(msgspec.Struct, frozen=True):
    """A metric to minimize or maximize."""

    metric: str
    direction: str
    """"minimize" or "maximize"."""
    goal: float | None = None

    @property
    def sign(self) -> int:
        """1 to minimize, -1 to maximize: a value times this is a loss, smaller is better."""
        return 1 if self.direction == "minimize" else -1

    def loss(self, values: Mapping[str, Number]) -> float:
        """Return the metric's value as a loss (smaller is better); NaN if `values` lack it."""
        return self.sign * number(values.get(self.metric, "NaN"))

    def better(self, a: float, b: float) -> bool:
        """Whether the value `a` is better than `b`."""
        return a < b if self.direction == "minimize" else a > b


class Constraint(msgspec.Struct, frozen=True):
    """A bound on a metric: its last value must be at least `min` and at most `max`."""

    metric: str
    min: float | None = None
    max: float | None = None

    def violation(self, value: float) -> float:
        """Return by how much the value is out of range; at most 0 if in range, infinity for NaN."""
        if math.isnan(value):
            return math.inf
        below = -math.inf if self.min is None else self.min - value
        above = -math.inf if self.max is None else value - self.max
        return max(below, above)


class Problem(NamedTuple):
    """The optimization problem of one experiment, as `Algorithm.suggest` gets it."""

    space: "Space"
    """The hyperparameters, with their ranges and conditions."""
    objectives: tuple[Objective, ...]
    seed: int
    """The experiment's seed: the same one in every call."""
    first: int
    """The number that the first suggested trial will have."""
    memory: Any = None
    """The `Suggestions.memory` of the last call, as JSON; None at first."""
    constraints: tuple[Constraint, ...] = ()
    prior: Sequence[Trial] = ()
    """Ended trials of other experiments to learn from (`warm_start`), with their own numbers."""
    parallel: int = 1
    """`parallel_trials` of the experiment."""
    budget: int | None = None
    """`max_trials` of the experiment."""


class Suggestions(NamedTuple):
    """The answer of `Algorithm.suggest`."""

    assignments: Sequence[Assignment]
    """At most `count`. Fewer if `exhausted`, or to wait for results of running trials."""
    exhausted: bool = False
    """No further assignment exists: the experiment ends once its trials have ended."""
    memory: Any = None
    """JSON that the log keeps for the next call. Keep it small: every answer writes all of it."""
    notes: Sequence[Any] = ()
    """Per assignment, JSON that the log keeps with the trial as `Trial.note`, or None."""
    parents: Sequence[int | None] = ()
    """Per assignment, the number of the trial to copy the first checkpoint from, or None."""


class Demands(NamedTuple):
    """A request's demands on its algorithm and its stopping rules."""

    space: "Space | None" = None
    """None if it could not be read."""
    objectives: int = 1
    constraints: int = 0
    parallel: int = 1
