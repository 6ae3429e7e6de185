"""Times from a fast clock delay nothing once the clock is corrected."""

import msgspec
import pytest

from tests.unit.tunelet.core.test_decide import HOUR, Story, complete
from tests.unit.tunelet.engine.test_idle import AT, Place
from tunelet.core import commands as c

DAY = 24 * HOUR


@pytest.mark.parametrize("ahead", [HOUR, DAY, 365 * DAY])
def test_max_seconds_pass_although_the_clock_was_ahead_at_the_submit(ahead: float) -> None:
    story = Story(max_seconds=100)
    story.state = msgspec.structs.replace(story.e, running_since=ahead)
    story.does(c.Tick())
    assert story.e.state == "RUNNING"
    story.now = 101.0
    assert story.does(c.Tick()).e.over


def test_running_trials_cost_although_the_clock_was_ahead_at_their_start() -> None:
    story = Story(max_cost=1.0, cost_per_hour=1.0)
    story.now = DAY
    story.suggested(0)
    story.now = 10.0
    story.does(c.Tick())
    story.now += HOUR + 1
    assert story.does(c.Tick()).e.over


def test_time_before_a_correction_of_the_clock_still_counts() -> None:
    story = Story(max_seconds=100)
    story.now = 60.0
    story.does(c.Pause())
    story.now = DAY
    story.does(c.Resume())
    story.now = 60.0
    story.does(c.Tick())
    story.now = 101.0
    assert story.does(c.Tick()).e.over


def test_a_clock_that_is_slightly_slow_changes_nothing() -> None:
    story = Story(max_seconds=1000)
    story.state = msgspec.structs.replace(story.e, running_since=90.0)
    assert story.does(c.Tick()).changed is False


def test_a_tick_by_a_clock_that_is_right_is_written_once() -> None:
    story = Story(max_seconds=1000)
    story.state = msgspec.structs.replace(story.e, running_since=DAY)
    assert story.does(c.Tick()).changed
    assert not story.does(c.Tick()).changed


def test_an_outcome_after_the_clock_was_set_back_counts() -> None:
    story = Story(max_trials=1)
    story.now = DAY
    story.suggested(0)
    story.now = 5.0
    story.does(c.Tick(), c.Finish(0, 1, complete(1.0)))
    assert (story.e.state, story.trial(0).seconds) == ("COMPLETE", 0.0)


def test_a_sweep_that_left_the_experiment_out_notices_that_the_clock_was_set_back() -> None:
    place = Place()
    place.now = DAY
    place.submitted(max_seconds=100)
    place.swept()
    place.now = 1000.0
    place.swept(1)
    place.now += 101.0
    place.swept(1)
    assert place.service.experiment(*AT).over
