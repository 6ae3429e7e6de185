"""The evidence of a trial follows from how it ended, not from its state alone."""

import pytest
from msgspec.structs import replace

from algorithms.evidence import Evidence, evidence
from tests.contracts.algorithms import LOSS, SPEED, trial
from tunelet.core.trial import Report, Trial, TrialState

FAILED = trial(0, {}, TrialState.FAIL)
STOPPED = trial(0, {}, TrialState.STOPPED)
REPORTED = (Report(1, {"objective": 0.5}),)
ENDS = {
    "a value": (trial(0, {}, objective=1.0), Evidence.RESULT),
    "an infinite value": (trial(0, {}, objective="Infinity"), Evidence.RESULT),
    "NaN": (trial(0, {}, objective="NaN"), Evidence.FAILURE),
    "no value of the objective": (trial(0, {}, accuracy=1.0), Evidence.NONE),
    "a failure": (FAILED, Evidence.FAILURE),
    "a failure after reports": (replace(FAILED, reports=REPORTED), Evidence.FAILURE),
    "a loss": (replace(FAILED, lost=True), Evidence.NONE),
    "a loss after reports": (replace(FAILED, lost=True, reports=REPORTED), Evidence.NONE),
    "pruned": (trial(0, {}, TrialState.PRUNED), Evidence.PARTIAL),
    "stopped": (STOPPED, Evidence.NONE),
    "stopped after reports": (replace(STOPPED, reports=REPORTED), Evidence.PARTIAL),
    "cancelled": (replace(FAILED, cancelled=True), Evidence.NONE),
    "cancelled after reports": (
        replace(FAILED, cancelled=True, reports=REPORTED),
        Evidence.PARTIAL,
    ),
    "running": (trial(0, {}, TrialState.RUNNING), Evidence.PENDING),
    "waiting": (trial(0, {}, TrialState.WAITING), Evidence.PENDING),
}


@pytest.mark.parametrize(("ended", "expected"), ENDS.values(), ids=ENDS)
def test_each_kind_of_end_gives_its_evidence(ended: Trial, expected: Evidence) -> None:
    assert evidence(ended, (LOSS,)) is expected


def test_every_state_of_a_trial_gives_evidence() -> None:
    assert all(isinstance(evidence(trial(0, {}, one), (LOSS,)), Evidence) for one in TrialState)


def test_a_trial_with_one_objective_of_nan_is_a_failure() -> None:
    values = {"objective": 1.0, "speed": "NaN"}
    assert evidence(replace(trial(0, {}), values=values), (LOSS, SPEED)) is Evidence.FAILURE


def test_reports_of_several_objectives_are_not_compared() -> None:
    assert evidence(replace(STOPPED, reports=REPORTED), (LOSS, SPEED)) is Evidence.NONE
