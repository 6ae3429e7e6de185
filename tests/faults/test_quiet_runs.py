"""Sweeps that leave out experiments with unchanged runs lose no end, no run and no deadline."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy

import pytest

from adapters.launchers.memory import MemoryLauncher
from tests.faults.test_quiet import QUIET, Full, Schedule
from tests.faults.world import Crash, Fault, Faults, distinct
from tunelet.core import commands
from tunelet.core.run import Life, Observation, Run, by_life
from tunelet.core.trial import Outcome, Report, Verdict
from tunelet.engine.idle import CHECK_SHARE, CHECKS, LONGEST_RUNNING
from tunelet.errors import Retry
from tunelet.log.journal import Journal
from tunelet.ports import Versions

AT = ("default", "e")


class Watched(Full):
    """Shows by a version whether a run has done anything since."""

    room = True
    hidden = False
    """The list of runs fails."""
    blind = False
    """The list of runs shows no versions."""
    printed: float | None = None
    observations = 0
    deaf = False
    """Runs do not end when they are stopped."""
    stops = 0

    def stop(self, run: Run) -> None:
        self.stops += 1
        if not self.deaf:
            super().stop(run)

    def lives(self) -> Mapping[Life, Versions]:
        if self.hidden:
            raise Retry("the cluster does not answer")
        if self.blind:
            return MemoryLauncher.lives(self)
        ages = {process.run: process.age for process in self._processes.values()}
        return by_life({run: f"age {ages[run]}" for run in self.running()})

    def observe(self, run: Run) -> Observation:
        self.observations += 1
        return super().observe(run)

    def heard(self, run: Run) -> float | None:
        return self.printed


class Running(Schedule):
    """Experiments with runs that do nothing until `tick`."""

    def __init__(self) -> None:
        super().__init__()
        self.watched = Watched()
        self.launcher = self.watched

    def begun(self, *names: str, **fields: object) -> None:
        for name in names or ("e",):
            self.submitted(name, **{"parallel_trials": 2, "max_trials": 2, **fields})
        self.sweeps(QUIET)
        assert self.watched.running()

    def copy(self) -> "Running":
        copy = Running()
        copy.store._objects = dict(self.store._objects)
        copy.now, copy.watched = self.now, deepcopy(self.watched)
        copy.launcher = copy.watched
        return copy

    def looks(self, sweeps: int = 1) -> int:
        """Sweep; returns how many runs were observed."""
        before = self.watched.observations
        self.sweeps(sweeps)
        return self.watched.observations - before

    def log(self, name: str = "e") -> Journal:
        return Journal(self.store, "default", name, clock=lambda: self.now)


@pytest.fixture
def world() -> Running:
    return Running()


def test_a_new_process_loads_no_log_of_runs_that_have_not_changed(world: Running) -> None:
    world.begun(*(f"e{number}" for number in range(10)))
    world.watched.observations = 0
    loads = [world.sweeps() for _ in range(20)]
    assert min(loads) == 0
    assert sum(loads) <= 10 * 6
    assert world.watched.observations <= 2 * 10 * 6


@pytest.mark.parametrize("blind", [True, False])
def test_runs_of_which_only_an_observation_shows_news_are_observed_by_each_sweep(
    world: Running, blind: bool
) -> None:
    world.begun()
    world.watched.blind = world.watched.hidden = blind
    world.watched.hidden = not blind
    assert [world.looks() for _ in range(5)] == [2] * 5


def test_a_step_of_a_run_is_found_by_the_next_sweep(world: Running) -> None:
    world.begun()
    world.watched.tick()
    world.sweeps(after=1.0)
    assert [len(trial.reports) for trial in _trials(world)] == [1, 1]


@pytest.mark.parametrize("fault", Fault)
def test_an_end_is_recorded_whatever_call_of_a_sweep_fails(fault: Fault) -> None:
    ended, calls = Running(), Faults({})
    ended.begun()
    for _ in range(3):
        ended.watched.tick()
    assert not ended.watched.running()
    ended.copy().sweeps(1, calls)
    for number in distinct(fault, calls.calls):
        world = ended.copy()
        world.sweeps(1, Faults({number: fault}))
        # A run that is lost has another attempt.
        for _ in range(8):
            world.sweeps()
            world.watched.tick()
        assert world.process().experiment(*AT).over, (number, calls.calls[number])


def test_a_run_that_vanishes_has_another_attempt_after_the_next_sweep(world: Running) -> None:
    world.begun()
    (run, _) = world.watched.running()
    world.watched.stop(run)
    world.sweeps()
    assert sorted(trial.attempt for trial in _trials(world)) == [1, 2]


def test_a_run_that_the_log_does_not_know_of_is_stopped_by_the_next_sweep(world: Running) -> None:
    world.begun()
    (launch, _) = world.watched.launches
    stray = launch.run._replace(number=7)
    process = deepcopy(world.watched._processes[launch.run.name])
    process.run = stray
    world.watched._processes[stray.name] = process
    world.sweeps()
    assert stray not in world.watched.running()
    assert len(world.watched.running()) == 2


def test_a_run_that_outlives_its_trial_is_stopped_by_each_sweep(world: Running) -> None:
    world.begun()
    outcome = Outcome(Verdict.PRUNED, reason="its values are worse")
    world.log().commit(commands.Finish(0, 1, outcome))
    world.watched.deaf = True
    world.sweeps(QUIET)
    before = world.watched.stops
    world.sweeps(4)
    assert world.watched.stops >= before + 4


def test_entries_by_others_are_found_within_the_bound(world: Running) -> None:
    """The signal that ends a run was lost with its process; other trials report."""
    names = [f"e{number}" for number in range(CHECKS + 5)]
    world.begun(*names, parallel_trials=1, max_trials=1)
    ended = names[::20]
    for name in ended:
        outcome = Outcome(Verdict.PRUNED, reason="its values are worse")
        world.log(name).commit(commands.Finish(0, 1, outcome))
    for name in set(names) - set(ended):
        world.log(name).commit(commands.Record(0, 1, (Report(1, {"objective": 1.0}),)))
    world.sweeps(2)
    assert len(world.watched.running()) == len(names) - len(ended)


def test_the_end_of_max_seconds_is_not_missed(world: Running) -> None:
    world.begun(max_seconds=3000)
    world.now += 3000
    world.sweeps()
    assert world.process().experiment(*AT).over
    assert not world.watched.running()


def test_a_run_that_is_silent_for_too_long_is_not_missed(world: Running) -> None:
    world.begun(stall_seconds=3600)
    began = _trials(world)[0].started_at
    assert began is not None
    world.watched.printed = began
    while world.now + 60 < began + 3600:
        world.sweeps()
        assert [trial.attempt for trial in _trials(world)] == [1, 1]
    world.sweeps()
    assert [trial.attempt for trial in _trials(world)] == [2, 2]


def test_runs_are_looked_at_from_time_to_time_in_any_case(world: Running) -> None:
    world.begun()
    world.sweeps(40)
    sweeps = int(LONGEST_RUNNING / 60) + 1
    assert 0 < world.looks(sweeps) <= 2 * 3


def test_the_lease_is_kept_while_runs_are_quiet(world: Running) -> None:
    world.begun()
    world.sweeps(30)
    lease = "installations/here"
    for _ in range(10):
        before = world.store.get(lease)
        world.sweeps()
        assert before is not None
        assert world.store.get(lease) != before


def ends(world: Running) -> None:
    for _ in range(3):
        world.watched.tick()


def ends_and_is_recorded(world: Running) -> None:
    ends(world)
    world.process().collect(*AT)


def ends_and_is_swept(world: Running) -> None:
    ends(world)
    world.process().sweep()


def is_deleted(world: Running) -> None:
    world.process().delete(*AT)


@pytest.mark.parametrize("between", [ends, ends_and_is_recorded, ends_and_is_swept, is_deleted])
@pytest.mark.parametrize("call", range(14))
def test_what_happens_during_a_sweep_is_found_by_the_later_ones(
    world: Running, call: int, between: Callable[[Running], None]
) -> None:
    world.begun()
    world.store.at, world.store.between = call, lambda: between(world)
    with suppress(Crash, Retry):
        world.sweeps()
    if world.store.at is not None:
        world.store.at = None
        between(world)
    world.sweeps(CHECK_SHARE)
    for _ in range(4):
        world.watched.tick()
        world.sweeps()
    assert not world.watched.running()
    assert [*world.store.list("live/default/e/")] == [] or world.process().experiment(*AT).over


def _trials(world: Running) -> list:  # type: ignore[type-arg]
    return list(world.process().experiment(*AT).live)
