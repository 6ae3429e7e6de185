"""Hyperparameters that trials choose while they run."""

import msgspec

from tests.unit.tunelet.core.test_decide import LOST, Story
from tunelet.core import commands as c
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Chosen, Outcome, Verdict

X = {"type": "float", "min": 0.0, "max": 1.0}
CHOSEN = Chosen({"x": 0.5}, {"x": X}, {"epochs": 3}, {"optuna": {}})


def test_the_choices_of_an_attempt_become_the_trials_hyperparameters() -> None:
    story = Story().suggested(0).does(c.Assign(0, 1, CHOSEN))
    trial = story.trial(0)
    assert trial.hyperparameters == {"x": 0.5}
    assert (trial.space, trial.attributes, trial.note) == ({"x": X}, {"epochs": 3}, {"optuna": {}})
    assert story.e.space == {"x": X}


def test_the_same_choice_again_changes_nothing() -> None:
    story = Story().suggested(0)
    assert story.does(c.Assign(0, 1, CHOSEN)).changed
    assert not story.does(c.Assign(0, 1, CHOSEN)).changed


def test_a_choice_starts_the_attempt() -> None:
    story = Story().does(c.AddTrials(0, ({},)), c.Assign(0, 1, CHOSEN))
    assert story.trial(0).started_at == 0.0


def test_true_and_one_are_different_choices() -> None:
    story = Story().suggested(0).does(c.Assign(0, 1, Chosen({"x": 1}, {"x": X})))
    story.does(c.Assign(0, 1, Chosen({"x": True}, {"x": X})))
    assert story.trial(0).hyperparameters["x"] is True


def test_the_next_attempt_chooses_again() -> None:
    story = Story().suggested(0).does(c.Assign(0, 1, CHOSEN), c.Finish(0, 1, LOST))
    trial = story.trial(0)
    assert (trial.hyperparameters, trial.space, trial.attributes) == ({}, {}, {})
    assert not story.does(c.Assign(0, 1, CHOSEN)).changed


def test_a_choice_after_the_end_changes_nothing() -> None:
    story = Story().suggested(0)
    story.does(c.Finish(0, 1, Outcome(Verdict.FAIL, reason="it broke")))
    assert not story.does(c.Assign(0, 1, CHOSEN)).changed


def test_a_snapshot_names_the_learnt_space_only_if_there_is_one() -> None:
    """Older code refuses a member that it does not know."""
    plain, free = Story().suggested(0).e, Story().suggested(0).does(c.Assign(0, 1, CHOSEN)).e
    assert "learnt" not in msgspec.to_builtins(plain)
    assert msgspec.json.decode(msgspec.json.encode(free), type=Experiment) == free
