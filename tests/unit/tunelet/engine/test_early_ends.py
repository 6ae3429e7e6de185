"""Runs whose trials ended before them end by a signal, wherever the log keeps their trials."""

from typing import Any

import pytest

from tests.unit.functions.conftest import SilentLauncher, World
from tunelet.core.run import Launch
from tunelet.core.signal import LAUNCH
from tunelet.core.trial import Report, TrialState
from tunelet.log.compaction import WINDOW
from tunelet.log.journal import Journal

AT = ("default", "digits")
ABOVE_ZERO = {"name": "threshold", "settings": {"upper": 0}}
"""Stops every trial that reports: all its values are greater."""
IN_STATE, IN_SEGMENT = "in the state", "in a segment"
PLACES = pytest.mark.parametrize("place", [IN_STATE, IN_SEGMENT])


def begun(**fields: Any) -> World:
    world = World(launcher=fields.pop("launcher", None))
    world.running(early_stopping=ABOVE_ZERO, **{"max_trials": 2, "parallel_trials": 2, **fields})
    world.broker.signals.clear()
    return world


def lengthened(world: World, place: str) -> None:
    """Let the next entry close a window if `place` is a segment."""
    journal = Journal(world.store, *AT)
    journal.read()
    while place == IN_SEGMENT and (journal.seq + 1) % WINDOW:
        world.service.interventions.label(*AT, {"seq": str(journal.seq)})
        journal.read()


def delivered(world: World) -> None:
    """Deliver the signals to launch."""
    for signal in world.broker.signals:
        if signal.topic == LAUNCH:
            world.service.launch(signal.namespace, signal.experiment, signal.number)


def state(world: World, number: int) -> TrialState:
    return world.service.trial(*AT, number).state


@PLACES
def test_a_rule_that_judges_observed_values_ends_the_run_though_no_trial_follows(
    place: str,
) -> None:
    launcher = SilentLauncher()
    world = begun(launcher=launcher)
    lengthened(world, place)
    launcher.tick()
    world.service.collect(*AT, 0)
    assert (state(world, 0), state(world, 1)) == (TrialState.PRUNED, TrialState.RUNNING)
    assert (0 in world.service.experiment(*AT).trials) == (place == IN_STATE)
    assert world.run("digits", 0) in launcher.running()
    delivered(world)
    assert world.run("digits", 0) not in launcher.running()


@PLACES
def test_a_rule_that_judges_a_collectors_report_ends_the_run_though_no_trial_follows(
    place: str,
) -> None:
    world = begun()
    lengthened(world, place)
    run = world.run("digits", 0)
    assert world.service.attempts.report(run, [Report(1, {"objective": 1.0})])
    assert (0 in world.service.experiment(*AT).trials) == (place == IN_STATE)
    delivered(world)
    assert world.launcher.running() == [world.run("digits", 1)]


def test_a_training_that_reports_itself_ends_itself_without_a_signal() -> None:
    world = begun(metrics={"source": "push"})
    run = world.run("digits", 0)
    assert world.service.attempts.report(run, [Report(1, {"objective": 1.0})])
    assert world.broker.signals == []


class Stopping(SilentLauncher):
    """The trial is stopped, and its run looked for, while the run is being launched."""

    place: str = ""
    world: World | None = None

    def launch(self, launch: Launch) -> None:
        if self.world is not None:
            world, self.world = self.world, None
            lengthened(world, self.place)
            world.service.interventions.stop(*AT, launch.run.number)
            world.service.launch(*AT, launch.run.number)
        super().launch(launch)


@PLACES
def test_a_run_that_is_launched_while_its_trial_is_stopped_is_ended(place: str) -> None:
    launcher = Stopping()
    world = World(launcher=launcher)
    launcher.place, launcher.world = place, world.restarted()
    world.running(parallel_trials=1, max_trials=2)
    assert launcher.launches
    assert (0 in world.service.experiment(*AT).trials) == (place == IN_STATE)
    assert launcher.running() == []
