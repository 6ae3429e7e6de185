"""The best trials: one, or of several objectives the Pareto front. Pure."""

from tunelet.core.problem import Constraint, Objective
from tunelet.core.trial import Number, Trial, number


def feasible(constraints: tuple[Constraint, ...], values: dict[str, Number]) -> bool:
    """Whether the values meet all constraints; one whose metric is missing is not met."""
    return all(one.violation(number(values.get(one.metric, "NaN"))) <= 0 for one in constraints)


def joined(
    objectives: tuple[Objective, ...], best: tuple[Trial, ...], trial: Trial
) -> tuple[Trial, ...]:
    """The front with `trial` in it, unless one that is there is as good in everything."""
    if any(_covers(objectives, other, trial) for other in best):
        return best
    return (*(other for other in best if not _covers(objectives, trial, other)), trial)


def _covers(objectives: tuple[Objective, ...], a: Trial, b: Trial) -> bool:
    """`a` is no worse than `b` in any objective."""
    return not any(
        o.better(number(b.values[o.metric]), number(a.values[o.metric])) for o in objectives
    )
