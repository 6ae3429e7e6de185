"""The best trials: one for one objective, the Pareto front for several. Pure."""

from tunelet.core.problem import Constraint, Objective
from tunelet.core.trial import Number, Trial, number


def feasible(constraints: tuple[Constraint, ...], values: dict[str, Number]) -> bool:
    """Whether the values meet all constraints. A constraint without a value is not met."""
    return all(one.violation(number(values.get(one.metric, "NaN"))) <= 0 for one in constraints)


def joined(
    objectives: tuple[Objective, ...], best: tuple[Trial, ...], trial: Trial
) -> tuple[Trial, ...]:
    """Return the front with `trial`, unless a trial in it is as good in every objective."""
    if any(_covers(objectives, other, trial) for other in best):
        return best
    return (*(other for other in best if not _covers(objectives, trial, other)), trial)


def _covers(objectives: tuple[Objective, ...], a: Trial, b: Trial) -> bool:
    """Whether `a` is no worse than `b` in every objective."""
    return not any(
        o.better(number(b.values[o.metric]), number(a.values[o.metric])) for o in objectives
    )
