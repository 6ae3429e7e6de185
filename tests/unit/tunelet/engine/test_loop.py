"""The signals of the trial loop's steps, and the objects of a refused submit."""

from typing import Any

import pytest

from adapters.launchers.memory import MemoryLauncher
from tests.unit.functions.conftest import SMALLEST, FragileStore, World
from tunelet.core.commands import AddTrials
from tunelet.core.installation import Installation
from tunelet.core.run import Observation, Phase, Run
from tunelet.core.signal import COLLECT, LAUNCH, SUGGEST, Signal
from tunelet.core.trial import Outcome, Verdict
from tunelet.errors import Conflict, Retry
from tunelet.log.journal import Journal

POPULATION = {
    "name": "e",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": {"name": "pbt", "settings": {"population_size": 2}},
    "parallel_trials": 5,
}


def settled(world: World, limit: int = 100) -> int:
    """Deliver signals until none is left; how many there were."""
    steps = {SUGGEST: world.service.suggest, LAUNCH: world.service.launch}
    for count in range(limit):
        if not world.broker.signals:
            return count
        signal = world.broker.signals.pop(0)
        if signal.topic in steps:
            steps[signal.topic](signal.namespace, signal.experiment)
    raise AssertionError("the signals never end")


def test_an_algorithm_that_has_nothing_to_give_yet_is_not_asked_again_until_a_trial_ends() -> None:
    world = World()
    world.service.submit({**SMALLEST, **POPULATION})
    settled(world)
    assert world.service.experiment("default", "e").next_number == 2
    uid = world.service.experiment("default", "e").uid
    world.service.attempts.finish(
        Run("default", "e", uid, 0, 1), Outcome(Verdict.COMPLETE, {"objective": 1.0})
    )
    settled(world)
    assert world.service.experiment("default", "e").next_number == 3


def test_an_algorithm_that_is_changed_while_the_other_is_asked_is_asked_as_well() -> None:
    world = World()
    world.service.submit({**SMALLEST, **POPULATION})
    settled(world)
    world.service.extend("default", "e", {"hpo_algorithm": "random_search"})
    assert Signal(SUGGEST, "default", "e") in world.broker.signals
    settled(world)
    assert world.service.experiment("default", "e").next_number == 5


def keys(world: World) -> list[str]:
    return [*world.store.list("live/"), *world.store.list("index/")]


def test_submits_to_a_taken_name_leave_nothing() -> None:
    world = World()
    world.running()
    before = keys(world)
    for _ in range(5):
        with pytest.raises(Conflict):
            world.service.submit({**SMALLEST, "name": "digits"})
    assert keys(world) == before


def test_a_submit_that_is_sent_again_leaves_nothing_and_the_experiment_is_still_found() -> None:
    world = World()
    request: dict[str, Any] = {**SMALLEST, "name": "digits"}
    first = world.service.submit(request, key="once")
    before = keys(world)
    assert world.service.submit(request, key="once").uid == first.uid
    assert keys(world) == before
    assert [e.name for e in world.service.experiments("default")[0]] == ["digits"]
    assert world.service.sweep() == 1


class _LosesAnAnswer(FragileStore):
    """The answer to the first entry's creation is lost: a repetition finds the entry."""

    lost = False

    def create(self, key: str, data: bytes) -> bool:
        created = super().create(key, data)
        if "/journal/" in key and not self.lost:
            self.lost = True
            raise Retry("the answer is lost")
        return created


def test_a_submit_with_a_lost_answer_keeps_its_marker() -> None:
    world = World(_LosesAnAnswer())
    world.service.submit({**SMALLEST, "name": "digits"})
    assert world.restarted().service.sweep() == 1


class CallingLauncher(MemoryLauncher):
    """Its runs are calls in this process."""

    in_process = True


def ended(world: World, calls: CallingLauncher, number: int) -> None:
    outcome = Outcome(Verdict.COMPLETE, {"objective": 1.0})
    run = world.run("digits", number)
    calls.observed[run] = Observation(Phase.ENDED, outcome=outcome, began=1.0)


def test_the_next_call_in_this_process_is_launched_by_the_step_that_records_an_end() -> None:
    calls = CallingLauncher()
    world = World(launcher=calls)
    world.running(parallel_trials=1, max_trials=2)
    ended(world, calls, 0)
    world.broker.signals.clear()
    world.service.collect("default", "digits")
    assert world.run("digits", 1) in calls.observed
    topics = [signal.topic for signal in world.broker.signals]
    assert COLLECT in topics, "else a long call is not shown as running"
    assert LAUNCH not in topics
    ended(world, calls, 1)
    world.service.collect("default", "digits")
    assert world.service.experiment("default", "digits").ended.complete == 2


def test_a_call_in_this_process_is_recorded_though_another_process_wrote_meanwhile() -> None:
    calls = CallingLauncher()
    world = World(launcher=calls)
    world.running(parallel_trials=1, max_trials=5)
    world.restarted().service.pause("default", "digits")
    ended(world, calls, 0)
    world.service.collect("default", "digits")
    experiment = world.service.experiment("default", "digits")
    assert experiment.ended.complete == 1
    assert world.run("digits", 1) not in calls.observed


def test_a_process_with_free_slots_takes_trials_that_another_added_ahead() -> None:
    world = World()
    world.running(parallel_trials=2, max_trials=9)
    experiment = world.service.experiment("default", "digits")
    other = Journal(world.store, "default", "digits", by=Installation("other", 0))
    other.commit(AddTrials(2, ({"x": 0.1},), ahead=True), uid=experiment.uid)
    world.service.attempts.finish(world.run("digits", 0), Outcome(Verdict.LOST, reason="node gone"))
    world.service.suggest("default", "digits")
    live = world.service.experiment("default", "digits").live
    assert [trial.active for trial in live].count(True) == 2


def test_a_process_that_writes_before_all_others_adds_trials_ahead_for_them() -> None:
    calls = CallingLauncher()
    world = World(launcher=calls)
    world.running(parallel_trials=2, max_trials=5)
    journal = world.service._journals.of("default", "digits")
    journal._committer._met_others()
    ended(world, calls, 0)
    world.service.collect("default", "digits")
    experiment = world.service.experiment("default", "digits")
    assert [trial.active for trial in experiment.live] == [True, True, False]
    ended(world, calls, 1)
    world.service.collect("default", "digits")
    assert world.service.experiment("default", "digits").next_number == 5, "the budget"
