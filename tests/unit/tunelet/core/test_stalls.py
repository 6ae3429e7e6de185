"""Attempts that give no sign of life: `stall_seconds`."""

import msgspec
import pytest

from tests.unit.tunelet.core.test_decide import Story
from tunelet.core import commands as c
from tunelet.core.decide import decide
from tunelet.core.events import Reported
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Report, TrialState

REPORT = c.Record(0, 1, (Report(1, {"objective": 1.0}),))


def silent(until: float, **spec: float) -> Story:
    """A trial that runs since 0 s, and the time."""
    story = Story(stall_seconds=60.0, **spec).suggested(0)
    story.now = until
    return story


def test_an_attempt_that_is_silent_for_so_long_is_made_again() -> None:
    story = silent(60.0).does(c.Stall(0, 1, heard=0.0))
    trial = story.trial(0)
    assert (trial.attempt, trial.started_at, trial.reserved) == (2, None, True)
    assert trial.reason == "the training printed and reported nothing for 60 s (stall_seconds)"
    assert not story.does(c.Stall(0, 1, heard=0.0)).changed


@pytest.mark.parametrize(("now", "heard"), [(59.9, 0.0), (100.0, 40.1), (500.0, 500.0)])
def test_one_that_was_heard_since_goes_on(now: float, heard: float) -> None:
    assert not silent(now).does(c.Stall(0, 1, heard)).changed


def test_a_report_is_a_sign_of_life() -> None:
    story = silent(50.0).does(REPORT)
    story.now = 109.0
    assert not story.does(c.Stall(0, 1, heard=0.0)).changed
    story.now = 110.0
    assert story.does(c.Stall(0, 1, heard=0.0)).changed
    assert story.trial(0).reported_at is None


def test_the_next_attempt_has_its_own_time() -> None:
    story = silent(60.0).does(c.Stall(0, 1, heard=0.0), c.Start(0, 2))
    story.now = 119.0
    assert not story.does(c.Stall(0, 2, heard=0.0)).changed


def test_one_that_has_not_begun_has_not_stalled() -> None:
    story = Story(stall_seconds=60.0).does(c.AddTrials(0, ({"x": 0},)))
    story.now = 1000.0
    assert not story.does(c.Stall(0, 1, heard=0.0)).changed


def test_attempts_are_counted() -> None:
    story = Story(stall_seconds=60.0, max_attempts=2).suggested(0)
    story.now = 60.0
    story.does(c.Stall(0, 1, heard=0.0), c.Start(0, 2))
    story.now = 120.0
    story.does(c.Stall(0, 2, heard=0.0))
    trial = story.trial(0)
    assert (trial.state, trial.lost) == (TrialState.FAIL, True)
    assert str(trial.reason).startswith("lost 2 times, the last time: the training printed")


def test_without_it_nothing_stalls_and_reports_have_no_time() -> None:
    """Older code refuses an event with a member that it does not know."""
    story = Story().suggested(0)
    story.now = 1e6
    assert not story.does(c.Stall(0, 1, heard=0.0)).changed
    (reported,) = decide(story.e, REPORT, story.now)
    assert isinstance(reported, Reported)
    assert "at" not in msgspec.to_builtins(reported)


def test_the_last_report_is_in_the_log() -> None:
    story = silent(50.0).does(REPORT)
    assert msgspec.json.decode(msgspec.json.encode(story.e), type=Experiment) == story.e
    assert story.trial(0).reported_at == 50.0
