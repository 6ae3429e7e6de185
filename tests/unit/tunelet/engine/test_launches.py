"""Which runs are launched, looked at and stopped, as the state of their experiment calls for."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Nowhere
from tests.unit.functions.conftest import SMALLEST, SilentLauncher, World
from tunelet.assembly import assembled
from tunelet.core.installation import Installation
from tunelet.core.run import Launch, Life, Observation, Phase, Run
from tunelet.core.trial import Outcome, TrialState, Verdict
from tunelet.errors import NotFound, Retry
from tunelet.ports import Versions

SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
LOST = Outcome(Verdict.LOST, reason="node gone")


class Full(SilentLauncher):
    """Has no room while `full`."""

    full = True

    def launch(self, launch: Launch) -> None:
        if self.full:
            raise Retry("no room")
        super().launch(launch)


def reserved(launcher: Full, **fields: Any) -> World:
    """An experiment with three trials that have slots but no runs."""
    world = World(launcher=launcher)
    world.running(parallel_trials=3, **fields)
    return world


def test_no_more_runs_are_launched_than_a_lowered_parallel_trials_allows() -> None:
    launcher = Full()
    world = reserved(launcher)
    world.service.extend("default", "digits", {"parallel_trials": 1})
    launcher.full = False
    world.service.launch("default", "digits")
    world.service.launch("default", "digits")
    assert [run.number for run in launcher.running()] == [0]


def test_runs_count_against_a_lowered_parallel_trials() -> None:
    launcher = Full()
    launcher.full = False
    world = World(launcher=launcher)
    world.running(parallel_trials=2)
    launcher.full = True
    run = world.run("digits", 0)
    world.service.attempts.finish(run, LOST)
    world.service.extend("default", "digits", {"parallel_trials": 1})
    launcher.full = False
    world.service.launch("default", "digits")
    assert [each.number for each in launcher.running() if each != run] == [1]


def test_a_slot_of_another_installation_is_not_launched() -> None:
    full, store = Full(), MemoryStore()
    services = {
        name: assembled(
            store,
            launcher,
            load_catalog(),
            Nowhere(),
            secret=b"0123456789abcdef",
            api_url="http://127.0.0.1:8080",
            installation=Installation(name),
        )
        for name, launcher in (("here", full), ("there", SilentLauncher()))
    }
    request = {**SMALLEST, "name": "digits", "hyperparameters": SPACE, "parallel_trials": 1}
    services["here"].submit(request)
    services["here"].suggest("default", "digits")
    services["there"].launch("default", "digits")
    assert [trial.by for trial in services["there"].experiment("default", "digits").live] == [
        "here"
    ]
    assert services["there"].experiment("default", "digits").live[0].started_at is None
    full.full = False
    services["here"].launch("default", "digits")
    assert len(full.running()) == 1


def test_no_run_is_launched_in_a_pause() -> None:
    launcher = Full()
    world = reserved(launcher)
    world.service.pause("default", "digits")
    launcher.full = False
    world.service.launch("default", "digits")
    assert launcher.running() == []
    world.service.resume("default", "digits")
    world.service.launch("default", "digits")
    assert len(launcher.running()) == 3


def test_a_run_that_has_not_been_launched_yet_is_not_lost() -> None:
    world = reserved(Full())
    world.service.collect("default", "digits")
    experiment = world.service.experiment("default", "digits")
    assert [each.attempt for each in experiment.live] == [1, 1, 1]


class Forgetful(SilentLauncher):
    """Nothing is left of its runs once `gone`."""

    gone = False

    def observe(self, run: Run) -> Observation:
        return Observation(Phase.ABSENT) if self.gone else super().observe(run)


def test_a_run_without_any_trace_is_lost() -> None:
    launcher = Forgetful()
    world = World(launcher=launcher)
    world.running(parallel_trials=1)
    launcher.gone = True
    world.service.collect("default", "digits")
    trial = world.service.trial("default", "digits", 0)
    assert (trial.state, trial.attempt) == (TrialState.WAITING, 2)


def test_an_attempt_that_was_given_up_is_stopped_before_it_can_disturb_the_next() -> None:
    world = World()
    world.running(parallel_trials=1)
    run = world.run("digits", 0)
    world.service.attempts.finish(run, LOST)
    assert run in world.launcher.running()
    world.service.sweep()
    assert run not in world.launcher.running()
    assert run._replace(attempt=2) in world.launcher.running()


class Unlisted(SilentLauncher):
    """Does not name the owners of runs, as in a cluster that several installations share."""

    def lives(self) -> Mapping[Life, Versions]:
        return {}


@pytest.mark.parametrize("launcher", [SilentLauncher, Unlisted])
def test_a_run_of_an_earlier_life_is_stopped_in_the_next(launcher: type[SilentLauncher]) -> None:
    world = World(launcher=launcher())
    world.running(parallel_trials=1)
    old = world.run("digits", 0)
    world.service.delete("default", "digits")
    world.running(parallel_trials=1)
    world.service.sweep()
    new = world.run("digits", 0)
    assert old not in world.launcher.running()
    assert new in world.launcher.running()


class Deleting(SilentLauncher):
    """The experiment is deleted, and its runs are stopped, while a run is being launched."""

    world: World | None = None

    def launch(self, launch: Launch) -> None:
        if self.world is not None:
            world, self.world = self.world, None
            world.service.delete("default", "digits")
            world.service.sweep()
        super().launch(launch)


def test_a_run_that_is_launched_while_its_experiment_is_deleted_is_stopped() -> None:
    launcher = Deleting()
    world = World(launcher=launcher)
    request = {**SMALLEST, "name": "digits", "hyperparameters": SPACE, "parallel_trials": 1}
    world.service.submit(request)
    world.service.suggest("default", "digits")
    launcher.world = world.restarted()
    with suppress(NotFound):
        world.service.launch("default", "digits")
    assert launcher.launches
    assert launcher.running() == []
