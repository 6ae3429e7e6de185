"""What an experiment does with its own past and with others': whatever call fails on the way.

Trials that begin with a checkpoint, rules that stop them, experiments that learn from others:
each reads and writes the store where the plain loop does not.
"""

import random
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.checks import REQUEST, bare, end
from tests.faults.training import MemoryLauncher, place
from tests.faults.world import Fault, World
from tunelet.ports import Launch, Store
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


class Saving(MemoryLauncher):
    """Each attempt goes on with what it finds at its checkpoint's place, and saves there."""

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


def lineage(world: World) -> dict[tuple[int, int], str]:
    """With what each attempt is to begin: its trial's last attempt, or that of its parent."""
    journals = world.calm()
    parents = {trial.number: trial.parent for trial in journals.trials(*AT)[0]}
    expected: dict[tuple[int, int], str] = {}
    newest: dict[int, str] = {}
    for number, attempt in sorted(world.launcher.starts):
        parent = parents[number]
        before = newest.get(number) or (newest[parent] if parent is not None else "")
        expected[number, attempt] = before
        newest[number] = f"{before} {number}.{attempt}".strip()
    return expected


def saving(request: dict[str, Any], plan: dict[int, Fault] | None = None, **how: Any) -> World:
    objects = MemoryStore()

    def submit(service: Service) -> None:
        service.submit(request, key="once")

    return World([submit], plan, objects=objects, launcher=Saving(objects), **how)


def sound(world: World) -> None:
    """What must hold of trials with parents, in whatever order they ended."""
    found = end(world.objects)
    assert found == end(bare(world.objects))
    assert found.state == "COMPLETE"
    assert len(found.trials) == BUDGETED["max_trials"]
    assert set(world.launcher.starts.values()) == {1}
    assert world.launcher.most_active <= REQUEST["parallel_trials"]
    assert not world.launcher.running()
    assert isinstance(world.launcher, Saving)
    assert world.launcher.began == lineage(world)
    assert any(trial.parent is not None for trial in world.calm().trials(*AT)[0])


@pytest.mark.parametrize("request_", [BUDGETED, POPULATION], ids=["asha", "pbt"])
@pytest.mark.parametrize("fault", Fault)
def test_a_trial_begins_with_its_parents_checkpoint_whatever_fails(
    fault: Fault, request_: dict[str, Any]
) -> None:
    calm = saving(request_)
    calm.run()
    sound(calm)
    for number in range(len(calm.faults.calls)):
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


def test_a_copy_that_comes_late_does_not_undo_what_was_trained_since() -> None:
    objects = Overtaken()
    launcher = Saving(objects)

    def submit(service: Service) -> None:
        service.submit(BUDGETED, key="once")

    world = World([submit], objects=objects, launcher=launcher)
    objects.world = world
    world.run(until=lambda: objects.world is None)
    (child,) = (each for each in launcher.launches if began_with_parent(launcher, each))
    begun = launcher.began[child.run.number, 1]
    assert weights(objects, child) == f"{begun} {child.run.number}.1"
    world.run()
    sound(world)
    prefixes = {place(launch) for launch in launcher.launches}
    kept = [key for key in objects.list("v1/default/e/trials/") if key.endswith("weights")]
    assert {key.removesuffix("/model/weights") for key in kept} == prefixes
