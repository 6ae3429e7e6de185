"""An experiment uses its own past and other experiments while any call fails.

Trials that begin with a checkpoint, rules that stop them, experiments that learn from others:
each reads and writes the store where the plain loop does not.
"""

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from algorithms.catalog.installed import InstalledAlgorithms
from tests.faults.checks import REQUEST, bare, end, submit, used
from tests.faults.training import ScriptedLauncher, place
from tests.faults.world import Fault, Stuck, World
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.run import Launch, Run
from tunelet.core.trial import Assignment, Outcome, Report, Trial, TrialState, Verdict
from tunelet.errors import Reject, Retry
from tunelet.ports import Algorithm, Store, Stored
from tunelet.service import Service

AT = ("default", "e")
BUDGETED: dict[str, Any] = REQUEST | {
    "hyperparameters": {
        "x": {"type": "float", "min": 0.0, "max": 1.0},
        "epochs": {"type": "int", "min": 1, "max": 4},
    },
    "hpo_algorithm": {"name": "asha", "settings": {"resource": "epochs", "reduction_factor": 2}},
    "enqueue": [],
    "max_trials": 5,
}
POPULATION: dict[str, Any] = REQUEST | {
    "hpo_algorithm": {"name": "pbt", "settings": {"population_size": 2}},
    "enqueue": [],
    "max_trials": 5,
}


def some(calm: World, fault: Fault) -> range:
    """The calls to try this fault at: with the other faults, all from the last act on."""
    return range(calm.last_act + list(Fault).index(fault), len(calm.faults.calls), len(Fault))


class Saving(ScriptedLauncher):
    """Each attempt continues from the checkpoint at its place, and saves there."""

    def __init__(self, objects: Store) -> None:
        super().__init__()
        self.began: dict[tuple[int, int], str] = {}
        """With what each attempt of each trial began: the attempts before it, in order."""
        self._objects = objects

    def launch(self, launch: Launch) -> None:
        known = self.starts.total()
        super().launch(launch)
        if self.starts.total() == known:
            return
        number, attempt = launch.run.number, launch.run.attempt
        self.began[number, attempt] = weights(self._objects, launch)
        saved = f"{self.began[number, attempt]} {number}.{attempt}".strip()
        self._objects.put(f"{place(launch)}/model/weights", saved.encode())


def weights(objects: Store, launch: Launch) -> str:
    stored = objects.get(f"{place(launch)}/model/weights")
    return stored.data.decode() if stored is not None else ""


def lineage(world: World, trials: Sequence[Trial]) -> dict[tuple[int, int], str]:
    """The start of each attempt: its trial's last attempt, or the parent's."""
    parents = {trial.number: trial.parent for trial in trials}
    expected: dict[tuple[int, int], str] = {}
    newest: dict[int, str] = {}
    for number, attempt in sorted(world.launcher.starts):
        parent = parents[number]
        before = newest.get(number) or (newest[parent] if parent is not None else "")
        expected[number, attempt] = before
        newest[number] = f"{before} {number}.{attempt}".strip()
    return expected


def saving(request: dict[str, Any], plan: dict[int, Fault] | None = None, **how: Any) -> World:
    objects = how.pop("objects", None) or MemoryStore()

    def submit(service: Service) -> None:
        service.submit(request, key="once")

    return World([submit], plan, objects=objects, launcher=Saving(objects), **how)


def sound(world: World) -> None:
    """Check the invariants of trials with parents, in any order of their ends."""
    found = end(world.objects)
    assert found == end(bare(world.objects))
    assert found.state == "COMPLETE"
    assert len(found.trials) == BUDGETED["max_trials"]
    assert set(world.launcher.starts.values()) == {1}
    assert world.launcher.most_active <= REQUEST["parallel_trials"]
    assert not world.launcher.running()
    assert isinstance(world.launcher, Saving)
    trials = world.calm().trials(*AT)[0]
    assert world.launcher.began == lineage(world, trials)
    assert any(trial.parent is not None for trial in trials)


@pytest.mark.parametrize("request_", [BUDGETED, POPULATION], ids=["asha", "pbt"])
@pytest.mark.parametrize("fault", Fault)
def test_a_trial_begins_with_its_parents_checkpoint_whatever_fails(
    fault: Fault, request_: dict[str, Any]
) -> None:
    calm = saving(request_)
    calm.run()
    sound(calm)
    for number in some(calm, fault):
        world = saving(request_, {number: fault})
        try:
            world.run()
            sound(world)
        except BaseException as error:
            error.add_note(f"with {fault} at {number}: {world.faults.calls[number : number + 1]}")
            raise


@pytest.mark.parametrize("seed", range(10))
def test_checkpoints_are_sound_with_signals_in_any_order_and_many_faults(seed: int) -> None:
    chance = random.Random(seed)
    faults = {n: chance.choice(list(Fault)) for n in range(1000) if chance.random() < 0.05}
    world = saving(BUDGETED, faults, copies=3, chance=chance)
    world.run()
    sound(world)


STOPPED_EARLY: dict[str, Any] = REQUEST | {
    "early_stopping": {"name": "threshold", "settings": {"upper": 1.3}},
    "max_trials": 8,
}


def submit_stopped_early(service: Service) -> None:
    service.submit(STOPPED_EARLY, key="once")


def stopped_early(plan: dict[int, Fault]) -> World:
    """Trials have left the state for a segment when the rule is asked for the last time."""
    return World([submit_stopped_early], plan, objects=used())


class Refusing(MemoryStore):
    """Segments cannot be read as long as there is a `refusal`."""

    refusal: Exception | None = None

    def get(self, key: str) -> Stored | None:
        if self.refusal is not None and "/segments/" in key:
            raise self.refusal
        return super().get(key)


@pytest.mark.parametrize("fault", Fault)
def test_a_stopping_rule_judges_on_whatever_fails(fault: Fault) -> None:
    calm = stopped_early({})
    calm.run()
    for number in some(calm, fault):
        world = stopped_early({number: fault})
        world.run()
        found = end(world.objects)
        assert found == end(bare(world.objects))
        assert (found.state, found.reason) == ("COMPLETE", "all 8 trials have ended")
        assert not world.launcher.running()


@pytest.mark.parametrize("fault", [Retry("a fault"), Reject("the credentials have expired")])
def test_a_rule_that_cannot_read_the_past_stops_no_trial(fault: Exception) -> None:
    """A process that knows nothing reads the ended trials from a segment."""
    objects = Refusing()
    used(objects)
    world = World([submit_stopped_early], objects=objects)
    world.run()
    service = world.calm()
    service.extend(*AT, {"max_trials": 10})
    service.suggest(*AT)
    service.launch(*AT)
    run, restarted = world.launcher.running()[0], world.calm()
    assert restarted.experiment(*AT).state == "RUNNING"
    objects.refusal = fault
    reports = [Report(1, {"objective": 9.0})]
    assert restarted.attempts.report(run, reports) is False
    restarted.sweep()
    assert restarted.experiment(*AT).state == "RUNNING"
    objects.refusal = None
    restarted.sweep()
    assert restarted.trial(*AT, run.number).state is TrialState.PRUNED


class Curious(InstalledAlgorithms):
    """Its algorithm looks at the past, just as the store begins to refuse."""

    def __init__(self, objects: Refusing, fault: Exception) -> None:
        self._objects, self._fault = objects, fault

    def light(self, name: str) -> bool:
        return False

    def load(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        return self

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        self._objects.refusal = self._fault
        return Suggestions([{"x": float(len(trials))}])


@pytest.mark.parametrize("fault", [Retry("a fault"), Reject("the credentials have expired")])
def test_an_algorithm_that_cannot_read_the_past_is_asked_again(fault: Exception) -> None:
    objects = Refusing()
    world = World([submit], objects=used(objects))
    world.run()
    world.calm().extend(*AT, {"max_trials": 6})
    service = world.calm(Curious(objects, fault))
    with pytest.raises(Retry, match=str(fault)):
        service.suggest(*AT)
    objects.refusal = None
    assert world.calm().experiment(*AT).state == "RUNNING"
    world.calm().suggest(*AT)
    assert world.calm().experiment(*AT).next_number == 6


class Counting(InstalledAlgorithms):
    """Its memory counts the trials that it has suggested; each trial's note is its place."""

    def light(self, name: str) -> bool:
        return False

    def load(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        return self

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        before = problem.memory or 0
        places = range(before, before + count)
        found: list[Assignment] = [{"x": place / 1000} for place in places]
        return Suggestions(found, memory=before + count, notes=list(places))


def test_memory_and_notes_are_exact_though_many_ask_at_once() -> None:
    world = World([])
    services = [world.calm(Counting()) for _ in range(4)]
    services[0].submit(REQUEST | {"enqueue": [], "max_trials": 24, "parallel_trials": 3})
    uid = services[0].experiment(*AT).uid

    def work(service: Service) -> None:
        while (now := service.experiment(*AT)).state == "RUNNING":
            service.suggest(*AT)
            for trial in now.live:
                run = Run(*AT, uid, trial.number, 1)
                service.attempts.finish(run, Outcome(Verdict.COMPLETE, {"objective": 1.0}))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, services * 2))
    experiment = services[0].experiment(*AT)
    assert (experiment.next_number, experiment.memory) == (24, 24)
    trials = services[0].trials(*AT)[0]
    assert [(t.note, t.hyperparameters["x"]) for t in trials] == [(n, n / 1000) for n in range(24)]


class Sealed(MemoryStore):
    """Nothing can be copied in it as long as `sealed` is true."""

    sealed = True

    def copy(self, key: str, to: str) -> bool:
        if self.sealed:
            raise Reject("the right to write is missing")
        return super().copy(key, to)


def test_a_checkpoint_that_cannot_be_copied_is_not_a_failure_of_the_trial() -> None:
    objects = Sealed()
    world = saving(BUDGETED, objects=objects)
    with pytest.raises(Stuck):
        world.run(steps=300)
    assert world.calm().experiment(*AT).state == "RUNNING"
    objects.sealed = False
    world.run()
    sound(world)


def learning(plan: dict[int, Fault]) -> World:
    """An experiment that learns from another one with most trials in a segment."""

    def source(service: Service) -> None:
        service.submit(REQUEST | {"name": "source", "max_trials": 3}, key="source")

    def submit(service: Service) -> None:
        service.submit(REQUEST | {"warm_start": ["source"]}, key="once")

    return World([source, submit], plan)


@pytest.mark.parametrize("fault", Fault)
def test_an_experiment_learns_from_another_whatever_fails(fault: Fault) -> None:
    calm = learning({})
    calm.run()
    expected = end(calm.objects)
    assert expected.state == "COMPLETE"
    for number in some(calm, fault):
        world = learning({number: fault})
        world.run()
        assert end(world.objects) == end(bare(world.objects)) == expected
        assert not world.launcher.running()


class Overtaken(MemoryStore):
    """Before the first copy is made, another process does the same, and the trial trains."""

    world: World | None = None

    def copy(self, key: str, to: str) -> bool:
        if self.world is not None:
            world, self.world = self.world, None
            world.calm().launch(*AT)
        return super().copy(key, to)


def began_with_parent(launcher: Saving, launch: Launch) -> bool:
    return launch.run.attempt == 1 and launcher.began[launch.run.number, 1] != ""


def test_a_late_copy_does_not_undo_later_training() -> None:
    objects = Overtaken()
    world = saving(BUDGETED, objects=objects)
    objects.world, launcher = world, world.launcher
    assert isinstance(launcher, Saving)
    world.run(until=lambda: objects.world is None)
    (child,) = (each for each in launcher.launches if began_with_parent(launcher, each))
    begun = launcher.began[child.run.number, 1]
    assert weights(objects, child) == f"{begun} {child.run.number}.1"
    world.run()
    sound(world)
    prefixes = {place(launch) for launch in launcher.launches}
    kept = [key for key in objects.list("v1/default/e/trials/") if key.endswith("weights")]
    assert {key.removesuffix("/model/weights") for key in kept} == prefixes
