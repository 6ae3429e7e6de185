"""What an ended trial teaches an algorithm, whatever the algorithm.

A failure counts as worse than every result. Not every trial in the state FAIL is one: what the
infrastructure lost and what the experiment's end cut off say nothing of the hyperparameters.
"""

import math
from collections.abc import Sequence
from enum import Enum

from tunelet.core.problem import Objective
from tunelet.core.trial import Trial, TrialState, number


class Lesson(Enum):
    """Each adapter says how its library takes these; docs/algorithms.md has the table."""

    RESULT = "result"
    """COMPLETE, with a value of each objective; it may be infinite."""
    FAILURE = "failure"
    """The training failed, or its objective is NaN: as bad as can be."""
    PARTIAL = "partial"
    """Pruned, or stopped with the experiment after it had reported: only its reports count."""
    PENDING = "pending"
    """It waits or runs."""
    NOTHING = "nothing"


def lesson(trial: Trial, objectives: Sequence[Objective]) -> Lesson:
    """What the trial teaches about these objectives."""
    match trial.state:
        case TrialState.WAITING | TrialState.RUNNING:
            return Lesson.PENDING
        case TrialState.COMPLETE:
            return _of_values(trial, objectives)
        case TrialState.PRUNED:
            return Lesson.PARTIAL
        case TrialState.FAIL if trial.failed_itself:
            return Lesson.FAILURE
    return Lesson.PARTIAL if _cut_off_with_reports(trial, objectives) else Lesson.NOTHING


def _of_values(trial: Trial, objectives: Sequence[Objective]) -> Lesson:
    """A trial of another experiment may lack an objective of this one."""
    if any(one.metric not in trial.values for one in objectives):
        return Lesson.NOTHING
    nan = any(math.isnan(number(trial.values[one.metric])) for one in objectives)
    return Lesson.FAILURE if nan else Lesson.RESULT


def _cut_off_with_reports(trial: Trial, objectives: Sequence[Objective]) -> bool:
    """Reports are compared by one objective only. Older logs have FAIL and `cancelled`."""
    if not (trial.cancelled or trial.state is TrialState.STOPPED) or len(objectives) > 1:
        return False
    return any(objectives[0].metric in report.values for report in trial.reports)
