"""A single trial stopped or retried, and notes and labels, by example."""

import pytest

from tests.unit.tunelet.core.test_decide import Story
from tunelet.core import commands as c
from tunelet.core.ends import ON_REQUEST
from tunelet.core.experiment import NOTE_EXTRA
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.trial import Outcome, Report, TrialState, Verdict
from tunelet.errors import Conflict, NotFound, Retry
from tunelet.text.limits import LABELS, MOST_TRIALS, NOTE_BYTES, NOTES_BYTES

FAILED = Outcome(Verdict.FAIL, reason="exit code 1", exit_code=1)


def retry(number: int, key: str = "k", epoch: int | None = None) -> c.RetryTrial:
    return c.RetryTrial(number, {"x": number}, key, epoch=epoch)


def test_a_stopped_trial_frees_its_slot_in_the_same_entry() -> None:
    story = Story().suggested(0, 1).does(c.Enqueue(({"x": 9},)), c.StopTrial(0, "ann"))
    assert (story.trial(0).state, story.trial(0).reason) == (TrialState.STOPPED, ON_REQUEST)
    assert story.trial(2).reserved
    assert story.e.state is ExperimentState.RUNNING


def test_a_stopped_trial_is_no_failure_and_no_result_and_keeps_its_place_in_the_budget() -> None:
    story = Story(max_failed_trials=0, give_up_after=1).suggested(0)
    story.does(c.Record(0, 1, (Report(1, {"objective": 0.1}),)), c.StopTrial(0))
    assert story.trial(0).values == {"objective": 0.1}
    assert story.e.best == ()
    assert not story.e.over
    for n in (1, 2, 3):
        story.suggested(n).ends(n, 5.0 + n)
    assert story.e.state is ExperimentState.COMPLETE
    assert story.e.counts["stopped"] == 1
    assert story.e.counts["complete"] == 3
    assert [trial.number for trial in story.e.best] == [1]


def test_what_comes_from_a_stopped_trial_later_changes_nothing() -> None:
    story = Story().suggested(0, 1).does(c.StopTrial(0))
    for late in (
        c.StopTrial(0),
        c.Record(0, 1, (Report(1, {"objective": 0.1}),)),
        c.Finish(0, 1, Outcome(Verdict.COMPLETE, {"objective": 0.1})),
    ):
        assert not story.does(late).changed
    assert story.trial(0).state is TrialState.STOPPED


def test_a_trial_that_waits_is_stopped_and_never_begins() -> None:
    story = Story().suggested(0, 1).does(c.Enqueue(({"x": 9},)), c.StopTrial(2)).ends(0, 1.0)
    assert not story.trial(2).reserved
    with pytest.raises(NotFound):
        story.does(c.StopTrial(9))


def test_the_last_trial_stopped_ends_the_experiment() -> None:
    story = Story(max_trials=1).suggested(0).does(c.StopTrial(0))
    assert story.e.state is ExperimentState.FAILED
    assert story.e.reason == "the only trial has ended; no trial completed"


def test_a_retry_has_the_same_hyperparameters_and_raises_the_budget_by_one() -> None:
    story = Story().suggested(0, 1).does(c.Finish(0, 1, FAILED), retry(0))
    made = story.trial(2)
    assert (made.hyperparameters, made.retry_of, made.enqueued) == ({"x": 0}, 0, True)
    assert made.reserved
    assert story.e.terms.max_trials == 4 + 1
    assert story.e.spec["max_trials"] == 4 + 1


def test_a_key_retries_once_and_belongs_to_its_trial() -> None:
    story = Story().suggested(0, 1).does(c.Finish(0, 1, FAILED), c.Finish(1, 1, FAILED), retry(0))
    assert not story.does(retry(0)).changed
    with pytest.raises(Conflict, match="Idempotency-Key"):
        story.does(retry(1))
    assert story.does(retry(0, "other")).e.next_number == 4


@pytest.mark.parametrize("verdict", [Verdict.COMPLETE, Verdict.PRUNED])
def test_a_trial_with_a_result_is_not_retried(verdict: Verdict) -> None:
    story = Story().suggested(0, 1).does(c.Finish(0, 1, Outcome(verdict, {"objective": 1.0})))
    with pytest.raises(Conflict, match=f"trial 0 is {verdict}.*propose"):
        story.does(retry(0))
    with pytest.raises(Conflict, match="trial 1 has not ended; stop it first"):
        story.does(retry(1))
    with pytest.raises(NotFound):
        story.does(retry(2))


def test_an_experiment_that_has_spent_its_trials_continues_with_a_retry() -> None:
    story = Story(max_trials=2).suggested(0, 1).does(c.Finish(0, 1, FAILED)).ends(1, 5.0)
    assert (story.e.state, story.e.epoch) == (ExperimentState.COMPLETE, 0)
    with pytest.raises(Retry):
        story.does(retry(0, epoch=7))
    story.does(retry(0, epoch=0))
    assert (story.e.state, story.e.epoch) == (ExperimentState.RUNNING, 1)
    assert story.e.room == 0
    assert story.does(c.Start(2, 1)).ends(2, 1.0).e.state is ExperimentState.COMPLETE
    assert story.e.best[0].number == 2


def test_what_ended_otherwise_does_not_continue_with_a_retry() -> None:
    story = Story(max_failed_trials=0).suggested(0).does(c.Finish(0, 1, FAILED))
    with pytest.raises(Conflict, match=r"max_failed_trials is 0.*extend its budget first"):
        story.does(retry(0))
    story = Story().suggested(0).does(c.Stop())
    with pytest.raises(Conflict, match="has been stopped; resume it first"):
        story.does(retry(0))


def test_a_retry_does_not_exceed_the_most_trials() -> None:
    story = Story(max_trials=MOST_TRIALS).suggested(0).does(c.Finish(0, 1, FAILED))
    with pytest.raises(Conflict, match=f"at most {MOST_TRIALS}"):
        story.does(retry(0))


def test_trials_that_choose_while_they_run_are_not_retried() -> None:
    story = Story(define_by_run=True).suggested(0).does(c.Finish(0, 1, FAILED))
    with pytest.raises(Conflict, match="raise max_trials for another"):
        story.does(retry(0))


def test_the_callers_of_a_study_end_and_repeat_its_trials() -> None:
    story = Story(study={"number": 1, "name": "s"}, define_by_run=True)
    story.does(c.CreateTrial("a-1", "a-1"))
    with pytest.raises(Conflict, match=r"study\.tell"):
        story.does(c.StopTrial(0))
    with pytest.raises(Conflict, match=r"study\.enqueue_trial"):
        story.does(retry(0))


def test_a_note_replaces_the_one_before_and_an_empty_one_removes_it() -> None:
    story = Story().does(c.Enqueue(({"x": 1},), user_note="a guess"), c.SetNote("data of May"))
    assert story.e.note == "data of May"
    assert story.e.noted(story.trial(0)).user_note == "a guess"
    story.does(c.SetNote("diverges", 0))
    assert story.e.noted(story.trial(0)).user_note == "diverges"
    assert not story.does(c.SetNote("diverges", 0)).changed
    story.does(c.SetNote("", 0), c.SetNote(""))
    assert story.e.noted(story.trial(0)).user_note is None
    assert story.e.note == ""
    assert not story.does(c.SetNote("", 0)).changed
    assert not story.does(c.SetNote("")).changed
    with pytest.raises(NotFound):
        story.does(c.SetNote("x", 1))


def test_notes_on_trials_are_bounded_together() -> None:
    most = NOTES_BYTES // (NOTE_BYTES + 16)
    story = Story(max_trials=100).does(c.Enqueue(tuple({"x": n} for n in range(most + 2))))
    for n in range(most):
        story.does(c.SetNote("ä" * (NOTE_BYTES // 2), n))
    with pytest.raises(Conflict, match="shorten or remove some"):
        story.does(c.SetNote("x" * NOTE_BYTES, most))
    story.does(c.SetNote("x" * NOTE_BYTES, 0), c.SetNote("", 1), c.SetNote("x" * NOTE_BYTES, most))


def test_an_empty_note_takes_room_too_and_frees_that_of_the_note_before() -> None:
    story = Story(max_trials=100).does(c.Enqueue(tuple({"x": n} for n in range(66))))
    each = NOTE_BYTES + NOTE_EXTRA
    for n in range(NOTES_BYTES // each):
        story.does(c.SetNote("x" * NOTE_BYTES, n))
    story.does(c.SetNote("x" * (NOTES_BYTES % each - NOTE_EXTRA), 64))
    with pytest.raises(Conflict, match="shorten or remove some"):
        story.does(c.SetNote("", 65))
    story.does(c.SetNote("", 64), c.SetNote("", 65))


def test_labels_are_set_and_removed_one_by_one() -> None:
    story = Story(labels={"team": "a", "old": "1"})
    story.does(c.SetLabels({"team": "b", "new": ""}, ("old", "absent")))
    assert story.e.spec["labels"] == {"team": "b", "new": ""}
    assert not story.does(c.SetLabels({"team": "b"}, ("old",))).changed
    many = {f"l{n}": "" for n in range(LABELS - 1)}
    with pytest.raises(Conflict, match=f"{LABELS} are allowed"):
        story.does(c.SetLabels(many))
    assert story.does(c.SetLabels(many, ("new",))).changed


def test_labels_and_notes_of_an_ended_experiment_change_without_continuing_it() -> None:
    story = Story().does(c.Stop(), c.SetLabels({"kept": "yes"}), c.SetNote("a note"))
    assert (story.e.state, story.e.epoch) == (ExperimentState.STOPPED, 0)
