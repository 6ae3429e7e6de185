"""What an algorithm optimizes: objectives, constraints and the problem that it is given. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tunelet.core.trial import Assignment, Number, Trial, number

if TYPE_CHECKING:
    from tunelet.space import Space


class Objective(msgspec.Struct, frozen=True):
    """A metric to be minimized or maximized."""

    metric: str
    direction: str
    """"minimize" or "maximize"."""
    goal: float | None = None

    @property
    def sign(self) -> int:
        """A value times this is a loss: the less, the better."""
        return 1 if self.direction == "minimize" else -1

    def loss(self, values: Mapping[str, Number]) -> float:
        """The metric's value as what is to be minimized; NaN if `values` lack it."""
        return self.sign * number(values.get(self.metric, "NaN"))

    def better(self, a: float, b: float) -> bool:
        return a < b if self.direction == "minimize" else a > b


class Constraint(msgspec.Struct, frozen=True):
    """A metric's last value is to be at least `min` and at most `max`."""

    metric: str
    min: float | None = None
    max: float | None = None

    def violation(self, value: float) -> float:
        """By how much the value misses the range; 0 or less: it does not. NaN misses it."""
        if math.isnan(value):
            return math.inf
        below = -math.inf if self.min is None else self.min - value
        above = -math.inf if self.max is None else value - self.max
        return max(below, above)


class Problem(NamedTuple):
    """What an algorithm is to optimize."""

    space: "Space"
    objectives: tuple[Objective, ...]
    seed: int
    first: int
    """The number that the first suggested trial will have."""
    memory: Any = None
    """What the algorithm returned last as `Suggestions.memory`: JSON."""
    constraints: tuple[Constraint, ...] = ()
    prior: Sequence[Trial] = ()
    """Ended trials of other experiments to learn from; their numbers are those experiments'."""
    parallel: int = 1
    """`parallel_trials` of the experiment."""
    budget: int | None = None
    """`max_trials` of the experiment."""


class Suggestions(NamedTuple):
    assignments: Sequence[Assignment]
    """At most as many as asked for; fewer only if `exhausted` or if it must wait for results."""
    exhausted: bool = False
    """The space has nothing more to offer."""
    memory: Any = None
    """JSON that the log is to keep for the next call; each answer writes it anew: keep it small."""
    notes: Sequence[Any] = ()
    """Per assignment, JSON that the log is to keep with the trial (`Trial.note`), or None."""
    parents: Sequence[int | None] = ()
    """Per assignment, the trial with whose checkpoint the new one is to begin, or None."""


class Demands(NamedTuple):
    """What a request asks of its algorithm and its stopping rules."""

    space: "Space | None" = None
    """None if it could not be read."""
    objectives: int = 1
    constraints: int = 0
    parallel: int = 1
