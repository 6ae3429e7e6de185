"""Epochs: sweep looks at those only that were announced, so none may begin without that."""

import pytest

from tests.unit.tunelet.core.test_decide import Story
from tunelet.core import commands as c
from tunelet.errors import Retry


def stopped() -> Story:
    return Story().does(c.Stop())


def test_an_experiment_resumed_after_its_end_is_in_the_next_epoch() -> None:
    assert stopped().does(c.Resume(0)).e.epoch == 1


def test_an_extension_that_takes_it_up_again_begins_an_epoch() -> None:
    story = Story(max_trials=1).suggested(0).ends(0, 1.0)
    assert story.does(c.Extend({"max_trials": 2}, 0)).e.epoch == 1


def test_a_deletion_begins_an_epoch() -> None:
    assert Story().does(c.Delete(0)).e.epoch == 1


def test_a_pause_begins_none() -> None:
    assert Story().does(c.Pause(), c.Resume()).e.epoch == 0


@pytest.mark.parametrize("command", [c.Resume(0), c.Extend({"max_trials": 9}, 0), c.Delete(0)])
def test_a_command_announced_for_an_earlier_epoch_is_refused(command: c.Command) -> None:
    """The experiment was resumed and has ended again since this command was announced."""
    story = Story(max_trials=1).suggested(0).ends(0, 1.0)
    story.does(c.Extend({"max_trials": 2}, 0)).suggested(1).ends(1, 1.0)
    if isinstance(command, c.Resume):
        story = stopped().does(c.Resume(0), c.Stop())
    with pytest.raises(Retry):
        story.does(command)


def test_an_end_that_was_overtaken_by_another_does_not_expire() -> None:
    """The deletion would begin an epoch that was not announced."""
    story = Story(ttl_seconds_after_finished=10).does(c.Stop(), c.Resume(0), c.Stop())
    story.now = 100.0
    assert not story.does(c.Expire(0)).changed
    assert story.does(c.Expire(1)).e.epoch == 2
