"""The effect of an import on the budget, the best, and the ends of an experiment."""

from typing import Any

import msgspec
import pytest

from tests.unit.tunelet.core.test_decide import Story
from tunelet.core import commands as c
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.trial import Finished, Number, Outcome, TrialState, Verdict
from tunelet.errors import Conflict

FAILED = Outcome(Verdict.FAIL, reason="no such image", exit_code=127)


def made(*values: Number, key: str = "k", counts: bool = False, **fields: Any) -> c.Import:
    trials = [Finished({"x": n}, {"objective": value}, **fields) for n, value in enumerate(values)]
    return c.Import(tuple(trials), key, counts)


def test_imported_trials_have_ended_and_may_be_the_best() -> None:
    story = Story().does(made(3.0, 1.0, 2.0))
    assert [t.state for t in story.e.trials.values()] == [TrialState.COMPLETE] * 3
    assert [t.number for t in story.e.best] == [1]
    assert story.e.live == []
    assert all(t.imported and t.enqueued for t in story.e.trials.values())


def test_without_counting_as_many_trials_are_left_as_before() -> None:
    story = Story().suggested(0).does(made(3.0, 1.0, 2.0))
    assert story.e.terms.max_trials == 4 + 3
    assert story.e.spec["max_trials"] == 4 + 3
    assert story.e.next_number == 1 + 3
    for n in (4, 5, 6):
        story.does(c.AddTrials(n, ({"x": n},)), c.Start(n, 1)).ends(n, 5.0)
    assert not story.e.over
    assert story.ends(0, 5.0).e.state is ExperimentState.COMPLETE


def test_counted_ones_spend_the_budget() -> None:
    story = Story().does(made(3.0, 1.0, 2.0, counts=True))
    assert (story.e.terms.max_trials, story.e.next_number) == (4, 3)
    with pytest.raises(Conflict, match="no room for 2 trials: max_trials 4 leaves 1"):
        story.does(made(1.0, 2.0, key="other", counts=True))
    story.does(made(7.0, key="last", counts=True))
    assert (story.e.state, story.e.best[0].number) == (ExperimentState.COMPLETE, 1)


def test_imported_failures_spend_the_budget_of_failures_only_if_they_count() -> None:
    failed = made(1.0, 2.0, 3.0, state=TrialState.FAIL)
    story = Story(max_failed_trials=1).suggested(0).does(failed)
    assert (story.e.over, story.e.terms.max_failed_trials) == (False, 4)
    assert not story.does(c.Finish(0, 1, FAILED)).e.over
    story.suggested(4).does(c.Finish(4, 1, FAILED))
    assert story.e.reason == "5 trials failed (max_failed_trials is 4)"
    counted = msgspec.structs.replace(failed, counts=True)
    assert Story(max_failed_trials=1).does(counted).e.state is ExperimentState.FAILED


def test_a_key_imports_once_and_belongs_to_its_values() -> None:
    story = Story().does(made(3.0))
    assert not story.does(made(3.0)).changed
    for other in (made(4.0), made(3.0, counts=True), made(3.0, 3.0)):
        with pytest.raises(Conflict, match="Idempotency-Key"):
            story.does(other)
    assert story.e.next_number == 1


def test_the_goal_may_be_reached_by_an_imported_trial() -> None:
    goal = {"metric": "objective", "direction": "minimize", "goal": 1.5}
    assert Story(objectives=[goal]).does(made(1.0)).e.reason == "the goal is reached"


@pytest.mark.parametrize("value", ["NaN", None])
def test_a_trial_without_a_value_has_failed(value: Any) -> None:
    trial = Finished({"x": 0}, {} if value is None else {"objective": value})
    story = Story().does(c.Import((trial,), "k"))
    assert story.trial(0).state is TrialState.FAIL
    assert story.e.best == ()


def test_nothing_is_imported_into_an_ended_experiment_or_a_study() -> None:
    with pytest.raises(Conflict, match="extend it first"):
        Story().does(c.Stop(), made(1.0))
    with pytest.raises(Conflict, match="is a study"):
        Story(study={}).does(made(1.0))


def test_imported_failures_are_no_reason_to_give_up() -> None:
    story = Story(give_up_after=2).does(made(1.0, 1.0, 1.0, state=TrialState.FAIL))
    assert not story.e.over
    assert story.e.room == 2


def test_imported_results_do_not_hide_that_the_training_cannot_start() -> None:
    story = Story(give_up_after=2, max_trials=20).does(made(1.0, 2.0))
    for n in (2, 3):
        story.does(c.AddTrials(n, ({"x": n},)), c.Start(n, 1), c.Finish(n, 1, FAILED))
    assert story.e.state is ExperimentState.FAILED
    assert "failed alike" in str(story.e.reason)


def test_a_snapshot_has_what_was_imported() -> None:
    state = Story(give_up_after=2).does(made(1.0, 2.0)).e
    read = msgspec.json.decode(msgspec.json.encode(state), type=Experiment)
    assert read == state
    assert read.imported == 2
