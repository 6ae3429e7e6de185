"""Trials that callers make, take, change and end themselves."""

from typing import Any

import msgspec
import pytest

from tests.unit.tunelet.core.test_decide import Story
from tunelet.core import commands as c
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Changes, Report, TrialState
from tunelet.errors import Conflict, NotFound
from tunelet.log.inbox import may_wait
from tunelet.text import limits

X = {"type": "float", "min": 0.0, "max": 1.0}
COMPLETE, FAIL = TrialState.COMPLETE, TrialState.FAIL
WAITING, RUNNING = TrialState.WAITING, TrialState.RUNNING


def a_study(**spec: Any) -> Story:
    return Story(study={"id": 1, "name": "s"}, parallel_trials=0, **spec)


def created(key: str = "k", **fields: Any) -> c.CreateTrial:
    return c.CreateTrial(key=key, by="me", **fields)


def reports(**values: float) -> Changes:
    steps = ((int(step[1:]), value) for step, value in values.items())
    return Changes(reports=tuple(Report(step, {"objective": value}) for step, value in steps))


def test_a_trial_that_a_caller_creates_runs_at_once() -> None:
    story = a_study()
    story.now = 3.0
    trial = story.does(created()).trial(0)
    assert (trial.state, trial.started_at, trial.by) == (RUNNING, 3.0, "me")
    assert story.e.keys["k"] == (0,)


def test_a_repeated_creation_creates_one_trial() -> None:
    story = a_study().does(created("k"), created("k"))
    assert story.e.next_number == 1
    assert story.does(created("l")).e.next_number == 2


def test_a_trial_is_created_in_any_state_with_all_that_it_has() -> None:
    changes = Changes({"x": 0.5}, {"x": X}, {"note": 1}, {"grid": 2}, reports(s3=1.0).reports)
    story = a_study().does(
        created(
            "a",
            state=COMPLETE,
            changes=changes,
            values={"objective": 7.0},
            started_at=1.0,
            finished_at=2.0,
        ),
        created("b", state=WAITING, changes=changes),
        created("c", state=FAIL),
    )
    done, waiting, failed = (story.trial(number) for number in range(3))
    for each in (done, waiting):
        assert (each.hyperparameters, each.space) == ({"x": 0.5}, {"x": X})
        assert (each.attributes, each.system) == ({"note": 1}, {"grid": 2})
        assert [report.step for report in each.reports] == [3]
    assert (done.started_at, done.finished_at, done.values) == (1.0, 2.0, {"objective": 7.0})
    assert (waiting.state, waiting.started_at, waiting.by) == (WAITING, None, "")
    assert (failed.state, failed.values) == (FAIL, {})
    assert story.e.counts["complete"] == story.e.counts["failed"] == 1
    assert story.e.best == (done,)
    assert story.e.space == {"x": X}


def test_one_of_many_callers_takes_a_waiting_trial() -> None:
    story = a_study().does(created(state=WAITING))
    story.does(c.TakeTrial(0, "a"), c.TakeTrial(0, "b"))
    assert (story.trial(0).state, story.trial(0).by) == (RUNNING, "a")


def test_one_of_many_callers_ends_a_trial() -> None:
    story = a_study().does(created())
    story.does(c.EndTrial(0, "a", FAIL), c.EndTrial(0, "b", COMPLETE, values={"objective": 1.0}))
    assert (story.trial(0).state, story.trial(0).by) == (FAIL, "a")


def test_a_report_replaces_the_one_of_its_step() -> None:
    story = a_study().does(created())
    story.does(c.ChangeTrial(0, "me", 1, reports(s1=1.0, s4=4.0)))
    story.does(c.ChangeTrial(0, "me", 2, reports(s1=9.0, s2=2.0)))
    found = {report.step: report.values["objective"] for report in story.trial(0).reports}
    assert list(found.items()) == [(1, 9.0), (2, 2.0), (4, 4.0)]
    assert story.trial(0).values == {"objective": 4.0}


def test_changes_add_up_and_an_older_one_that_comes_late_has_no_effect() -> None:
    story = a_study().does(created())
    old = c.ChangeTrial(0, "me", 1, Changes({"x": 0.5}, {"x": X}, {"a": 1}))
    story.does(old, c.ChangeTrial(0, "me", 2, Changes(attributes={"a": 2}, system={"b": 3})))
    assert not story.does(old).changed
    trial = story.trial(0)
    assert (trial.hyperparameters, trial.attributes, trial.system) == (
        {"x": 0.5},
        {"a": 2},
        {"b": 3},
    )


def test_the_revisions_of_different_callers_are_independent() -> None:
    story = a_study().does(created(), c.ChangeTrial(0, "me", 5, Changes(attributes={"a": 1})))
    story.does(c.ChangeTrial(0, "you", 0, Changes(attributes={"b": 1})))
    assert story.trial(0).attributes == {"a": 1, "b": 1}


def test_the_end_brings_the_last_changes_and_only_its_own_values() -> None:
    story = a_study().does(created(), c.ChangeTrial(0, "me", 1, reports(s1=1.0)))
    story.does(c.EndTrial(0, "me-2", TrialState.PRUNED, Changes(attributes={"a": 1})))
    trial = story.trial(0)
    assert (trial.state, trial.values, trial.attributes) == (TrialState.PRUNED, {}, {"a": 1})
    assert trial.revisions == {}


def test_an_ended_trial_does_not_change() -> None:
    story = a_study().does(created(), c.EndTrial(0, "me", FAIL))
    assert not story.does(c.ChangeTrial(0, "me", 1, Changes(attributes={"a": 1}))).changed
    assert not story.does(c.TakeTrial(0, "me")).changed


def test_a_waiting_trial_may_be_changed() -> None:
    story = a_study().does(created(state=WAITING))
    story.does(c.ChangeTrial(0, "me", 1, Changes(attributes={"a": 1})))
    assert (story.trial(0).state, story.trial(0).attributes) == (WAITING, {"a": 1})


def test_a_study_has_attributes_of_its_users_and_of_the_library() -> None:
    story = a_study().does(c.SetAttributes({"a": 1}), c.SetAttributes({"a": True}, {"b": [2]}))
    assert (story.e.attributes, story.e.system) == ({"a": True}, {"b": [2]})


def test_a_study_gets_no_suggested_trials_and_no_slots() -> None:
    story = a_study(max_trials=100).does(c.Extend({"parallel_trials": 5}))
    story.does(created(state=WAITING), c.AddTrials(1, ({},)))
    assert (story.e.room, story.e.next_number, story.trial(0).reserved) == (0, 1, False)


def test_a_stopped_or_paused_study_takes_no_new_trial() -> None:
    story = a_study().does(c.Pause())
    with pytest.raises(Conflict, match="is paused; resume it first"):
        story.does(created())
    story.does(c.Resume(), created(), c.Stop())
    assert story.trial(0).state is TrialState.STOPPED
    with pytest.raises(Conflict, match=r"has ended \(stopped\); resume it first"):
        story.does(created("l"))


def test_a_study_has_no_more_trials_than_it_may() -> None:
    story = a_study(max_trials=2).does(created("a"), created("b"))
    assert story.e.state == "RUNNING"
    with pytest.raises(Conflict, match="has 2 trials, the most of a study"):
        story.does(created("c"))


def test_a_trial_has_no_more_reports_than_it_may() -> None:
    most = limits.STEPS
    steps = tuple(Report(step, {"objective": 0.0}) for step in range(most))
    story = a_study().does(created(), c.ChangeTrial(0, "me", 1, Changes(reports=steps)))
    story.does(c.ChangeTrial(0, "me", 2, reports(s7=7.0)))
    more = Changes(reports=(Report(most, {"objective": 0.0}),))
    with pytest.raises(Conflict, match=f"has reports at {most} steps"):
        story.does(c.ChangeTrial(0, "me", 3, more))
    with pytest.raises(Conflict, match=f"has reports at {most} steps"):
        story.does(c.EndTrial(0, "me", FAIL, more))


def test_workers_learn_that_a_study_is_not_for_them() -> None:
    story = a_study(model_training_code={"workers": True}, hpo_algorithm={"name": "optuna"})
    with pytest.raises(Conflict, match="is a study of optuna"):
        story.does(c.Ask(1, "lease/60/a"))


def test_only_a_study_takes_trials_of_its_callers() -> None:
    with pytest.raises(Conflict, match="is not a study"):
        Story().does(created())


def test_an_unknown_trial_is_not_found() -> None:
    for command in (c.TakeTrial(1, "a"), c.EndTrial(-1, "a", FAIL)):
        with pytest.raises(NotFound, match="has no trial"):
            a_study().does(created(), command)


def test_commands_with_a_caller_may_be_repeated_by_others() -> None:
    repeatable = (
        created(),
        c.TakeTrial(0, "a"),
        c.ChangeTrial(0, "a", 1, Changes()),
        c.EndTrial(0, "a", FAIL),
    )
    assert may_wait("uid", repeatable)
    assert not may_wait("uid", [c.SetAttributes({"a": 1})])


def test_a_study_is_read_as_it_was_written() -> None:
    story = a_study().does(created(), c.ChangeTrial(0, "me", 1, Changes({"x": 0.5}, {"x": X})))
    story.does(c.SetAttributes({"a": 1}))
    assert msgspec.json.decode(msgspec.json.encode(story.e), type=Experiment) == story.e
    plain = msgspec.to_builtins(Story().suggested(0).e)
    assert not {"attributes", "system"} & plain.keys()
