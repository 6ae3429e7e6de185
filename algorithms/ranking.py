"""Ranks ended trials, for algorithms that continue with the better ones."""

import math

from tunelet.core.problem import Problem
from tunelet.core.trial import Trial, TrialState, number

Rank = tuple[float, float, int]


def loss(trial: Trial, problem: Problem) -> float:
    """Return the first objective as a loss (smaller is better); NaN unless COMPLETE."""
    complete = trial.state is TrialState.COMPLETE
    return problem.objectives[0].loss(trial.values) if complete else math.nan


def rank(trial: Trial, problem: Problem) -> Rank:
    """Return a key to sort trials by, the best first: by violation of constraints, then by loss.

    Source: Deb (2000), whose rule Optuna's samplers use too.
    """
    missed = (
        one.violation(number(trial.values.get(one.metric, math.nan))) for one in problem.constraints
    )
    return sum(max(0.0, each) for each in missed), loss(trial, problem), trial.number
