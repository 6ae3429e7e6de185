"""The evidence that a trial gives to any algorithm about its hyperparameters.

A failure counts as worse than every result. Not every trial in the state FAIL is a failure: if the
infrastructure lost it, or the experiment ended, that says nothing about the hyperparameters.
"""

import math
from collections.abc import Sequence
from enum import Enum

from tunelet.core.problem import Objective
from tunelet.core.trial import Trial, TrialState, number


class Evidence(Enum):
    """The kinds of evidence. docs/reference/algorithms.md says how each library gets them."""

    RESULT = "result"
    """COMPLETE, with a value of each objective; it may be infinite."""
    FAILURE = "failure"
    """The training failed, or its objective is NaN: the worst possible result."""
    PARTIAL = "partial"
    """Pruned, or stopped with the experiment after it had reported: only its reports count."""
    PENDING = "pending"
    """It waits or runs."""
    NONE = "none"


def evidence(trial: Trial, objectives: Sequence[Objective]) -> Evidence:
    """Return the kind of evidence that the trial gives about these objectives."""
    match trial.state:
        case TrialState.WAITING | TrialState.RUNNING:
            return Evidence.PENDING
        case TrialState.COMPLETE:
            return _of_values(trial, objectives)
        case TrialState.PRUNED:
            return Evidence.PARTIAL
        case TrialState.FAIL if trial.failed_itself:
            return Evidence.FAILURE
    return Evidence.PARTIAL if _stopped_with_reports(trial, objectives) else Evidence.NONE


def _of_values(trial: Trial, objectives: Sequence[Objective]) -> Evidence:
    """A trial of another experiment may lack an objective of this one."""
    if any(one.metric not in trial.values for one in objectives):
        return Evidence.NONE
    nan = any(math.isnan(number(trial.values[one.metric])) for one in objectives)
    return Evidence.FAILURE if nan else Evidence.RESULT


def _stopped_with_reports(trial: Trial, objectives: Sequence[Objective]) -> bool:
    """Reports count only for one objective. Older logs have FAIL and `cancelled`."""
    if not (trial.cancelled or trial.state is TrialState.STOPPED) or len(objectives) > 1:
        return False
    return any(objectives[0].metric in report.values for report in trial.reports)
