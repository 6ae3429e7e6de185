"""What a trial teaches follows from how it ended, and not from its state alone."""

import pytest
from msgspec.structs import replace

from algorithms.lessons import Lesson, lesson
from tests.contracts.algorithms import LOSS, SPEED, trial
from tunelet.core.trial import Report, Trial, TrialState

FAILED = trial(0, {}, TrialState.FAIL)
STOPPED = trial(0, {}, TrialState.STOPPED)
REPORTED = (Report(1, {"objective": 0.5}),)
ENDS = {
    "a value": (trial(0, {}, objective=1.0), Lesson.RESULT),
    "an infinite value": (trial(0, {}, objective="Infinity"), Lesson.RESULT),
    "NaN": (trial(0, {}, objective="NaN"), Lesson.FAILURE),
    "no value of the objective": (trial(0, {}, accuracy=1.0), Lesson.NOTHING),
    "a failure": (FAILED, Lesson.FAILURE),
    "a failure after reports": (replace(FAILED, reports=REPORTED), Lesson.FAILURE),
    "a loss": (replace(FAILED, lost=True), Lesson.NOTHING),
    "a loss after reports": (replace(FAILED, lost=True, reports=REPORTED), Lesson.NOTHING),
    "pruned": (trial(0, {}, TrialState.PRUNED), Lesson.PARTIAL),
    "stopped": (STOPPED, Lesson.NOTHING),
    "stopped after reports": (replace(STOPPED, reports=REPORTED), Lesson.PARTIAL),
    "cancelled": (replace(FAILED, cancelled=True), Lesson.NOTHING),
    "cancelled after reports": (
        replace(FAILED, cancelled=True, reports=REPORTED),
        Lesson.PARTIAL,
    ),
    "running": (trial(0, {}, TrialState.RUNNING), Lesson.PENDING),
    "waiting": (trial(0, {}, TrialState.WAITING), Lesson.PENDING),
}


@pytest.mark.parametrize(("ended", "taught"), ENDS.values(), ids=ENDS)
def test_each_end_teaches_what_it_says(ended: Trial, taught: Lesson) -> None:
    assert lesson(ended, (LOSS,)) is taught


def test_every_state_of_a_trial_teaches_something_known() -> None:
    assert all(isinstance(lesson(trial(0, {}, one), (LOSS,)), Lesson) for one in TrialState)


def test_one_objective_that_is_nan_makes_a_failure() -> None:
    values = {"objective": 1.0, "speed": "NaN"}
    assert lesson(replace(trial(0, {}), values=values), (LOSS, SPEED)) is Lesson.FAILURE


def test_reports_of_several_objectives_are_not_compared() -> None:
    assert lesson(replace(STOPPED, reports=REPORTED), (LOSS, SPEED)) is Lesson.NOTHING
