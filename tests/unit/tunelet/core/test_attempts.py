"""The value of a trial with attempts that are lost, unread, or resumed."""

import pytest

from tests.unit.tunelet.core.test_decide import LOST, Story, complete
from tunelet.core import commands as c
from tunelet.core.events import AttemptLost, Reported, TrialEnded
from tunelet.core.evolve import evolve_all
from tunelet.core.trial import Outcome, Report, TrialState, Verdict

UNREAD = Outcome(Verdict.COMPLETE, reason="its output is gone", unread=True)
SILENT = Outcome(Verdict.COMPLETE, exit_code=0)


def reports(attempt: int, **steps: float) -> tuple[Report, ...]:
    """Of the steps s1, s2 and so on, the objective."""
    return tuple(Report(int(s[1:]), {"objective": v}, attempt) for s, v in steps.items())


def second_attempt(**first: float) -> Story:
    """A trial: its first attempt reported these steps and was lost; its second has begun."""
    story = Story().suggested(0).does(c.Record(0, 1, reports(1, **first)))
    return story.does(c.Finish(0, 1, LOST), c.Start(0, 2))


def test_an_unread_outcome_is_lost_though_a_value_was_reported() -> None:
    """It may be that of any step."""
    trial = Story().suggested(0).does(c.Finish(0, 1, UNREAD, reports(1, s1=0.5))).trial(0)
    assert (trial.state, trial.attempt) == (TrialState.WAITING, 2)
    assert [report.step for report in trial.reports] == [1]


def test_an_unread_outcome_of_the_last_attempt_fails_with_its_reason() -> None:
    story = Story(max_attempts=1).suggested(0)
    trial = story.does(c.Finish(0, 1, UNREAD, reports(1, s1=0.5))).trial(0)
    assert (trial.state, trial.failed_itself) == (TrialState.FAIL, False)
    assert trial.reason == "lost: its output is gone"


def test_a_failure_stays_one_though_its_output_is_unread() -> None:
    unread = Outcome(Verdict.FAIL, reason="it exited with 3", exit_code=3, unread=True)
    trial = Story().suggested(0).does(c.Finish(0, 1, unread)).trial(0)
    assert (trial.state, trial.reason) == (TrialState.FAIL, "it exited with 3")


def test_the_value_of_a_lost_attempt_is_not_that_of_the_next() -> None:
    story = second_attempt(s1=0.9).does(c.Finish(0, 2, SILENT))
    trial = story.trial(0)
    assert (trial.state, trial.values, story.e.best) == (TrialState.FAIL, {}, ())
    assert "'objective'" in str(trial.reason)
    assert "attempt 1" in str(trial.reason)
    assert "print" in str(trial.reason)


def test_a_trials_value_is_the_last_that_its_present_attempt_reported() -> None:
    """Though the lost one had come further."""
    story = second_attempt(s1=9.0, s2=8.0, s3=7.0).does(c.Record(0, 2, reports(2, s2=5.0)))
    assert story.trial(0).values == {"objective": 5.0}
    trial = story.does(c.Finish(0, 2, SILENT)).trial(0)
    assert (trial.state, trial.values) == (TrialState.COMPLETE, {"objective": 5.0})
    assert story.e.best[0].values == {"objective": 5.0}


def test_no_metric_of_a_lost_attempt_is_shown_as_the_trials() -> None:
    story = Story().suggested(0)
    story.does(c.Record(0, 1, (Report(1, {"objective": 1.0, "accuracy": 0.1}),)))
    story.does(c.Finish(0, 1, LOST))
    assert story.trial(0).values == {}
    assert story.does(c.Finish(0, 2, complete(2.0))).trial(0).values == {"objective": 2.0}


def test_reports_of_a_resumed_attempt_that_come_out_of_order_count_alone() -> None:
    story = second_attempt(s1=9.0, s5=8.0).does(c.Record(0, 2, reports(2, s4=4.0)))
    story.does(c.Record(0, 2, reports(2, s3=3.0)))
    assert story.trial(0).values == {"objective": 4.0}


def test_a_trial_stopped_in_its_second_attempt_shows_no_values_of_the_first() -> None:
    story = second_attempt(s1=0.9).does(c.Stop())
    assert story.trial(0).values == {}


@pytest.mark.parametrize("values", [{}, {"objective": 2.0}])
def test_a_log_that_older_code_wrote_keeps_its_meaning(values: dict[str, float]) -> None:
    """There the values of earlier attempts counted, unless later ones took their place."""
    story = Story().suggested(0)
    story.state = evolve_all(
        story.e,
        [
            Reported(0, 1, (Report(1, {"objective": 1.0, "accuracy": 0.5}),)),
            AttemptLost(0, 1, "node gone", at=1.0),
            Reported(0, 2, (Report(2, {"loss": 3.0}, 2),)),
            TrialEnded(0, 2, TrialState.COMPLETE, at=2.0, values=dict(values)),
        ],
    )
    expected = {"objective": 1.0, "accuracy": 0.5, "loss": 3.0} | values
    assert story.trial(0).values == expected
    assert story.e.best == (story.trial(0),)


def test_an_attempt_that_does_not_count_is_followed_by_another_though_it_was_the_last() -> None:
    elsewhere = Outcome(Verdict.LOST, reason="no engine", counted=False)
    trial = Story(max_attempts=1).suggested(0).does(c.Finish(0, 1, elsewhere)).trial(0)
    assert (trial.state, trial.attempt) == (TrialState.WAITING, 2)


def test_the_first_of_two_values_in_a_log_counts() -> None:
    story = Story().suggested(0)
    told = ({2: 1.0}, {1: 3.0}, {2: 9.0})
    story.state = evolve_all(
        story.e,
        [
            Reported(0, 1, tuple(Report(step, {"objective": v}) for step, v in each.items()))
            for each in told
        ],
    )
    assert story.trial(0).values == {"objective": 1.0}
