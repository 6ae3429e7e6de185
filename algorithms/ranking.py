"""Which of two ended trials is the better one, for algorithms that go on with the better."""

import math

from tunelet.core.problem import Problem
from tunelet.core.trial import Trial, TrialState, number

Rank = tuple[float, float, int]


def loss(trial: Trial, problem: Problem) -> float:
    """The first objective as what is to be minimized; NaN of a trial that is not complete."""
    complete = trial.state is TrialState.COMPLETE
    return problem.objectives[0].loss(trial.values) if complete else math.nan


def rank(trial: Trial, problem: Problem) -> Rank:
    """Lower is better: what meets the constraints first, then what misses them by less.

    Deb's rule (2000), by which Optuna's samplers rank too.
    """
    missed = (
        one.violation(number(trial.values.get(one.metric, math.nan))) for one in problem.constraints
    )
    return sum(max(0.0, each) for each in missed), loss(trial, problem), trial.number
