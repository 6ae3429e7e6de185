"""A process that dies between an algorithm's answer and the commit loses nothing.

All that an algorithm has to know is in the log: a fresh process suggests what the dead one had,
and the experiment continues as without the fault.
"""

import json
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.world import Crash, World
from tunelet.core.trial import Trial
from tunelet.log.journal_cache import Journals
from tunelet.service import Service

TRIALS = 16
DEATHS = {0, 7, 8, 12}
"""The first trials of the suggestions that die."""
CASES: list[Any] = [
    ("cma_es", {"popsize": 4}),
    ("nsga2", {"population_size": 4}),
    ("sobol", {"scramble": True}),
    ("tpe", {"n_startup_trials": 4}),
    ("pbt", {"population_size": 4}),
    ("pb2", {"population_size": 4}),
    ("asha", {"resource": "epochs"}),
    ("bohb", {"resource": "epochs"}),
    ("hyperopt.tpe", {"n_startup_jobs": 4}),
    ("hyperopt.anneal", {}),
    *(
        pytest.param(name, settings, marks=pytest.mark.libraries)
        for name, settings in (
            ("gp", {"n_startup_trials": 4}),
            ("ray.BayesOptSearch", {"random_search_steps": 4}),
            ("ray.NevergradSearch", {"optimizer": "CMA"}),
            ("ray.TuneBOHB", {}),
            ("ray.ZOOptSearch", {}),
        )
    ),
]


class Mortal(MemoryStore):
    """A process dies before it writes a suggestion if the first trial is in `deaths`."""

    def __init__(self, deaths: set[int]) -> None:
        super().__init__()
        self.deaths = set(deaths)

    def create(self, key: str, data: bytes) -> bool:
        events = json.loads(data)["events"] if "/journal/" in key else []
        first = {event["first"] for event in events if event["type"] == "TrialsCreated"}
        if first & self.deaths:
            self.deaths -= first
            raise Crash(f"with trial {first}")
        return super().create(key, data)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_a_fresh_process_continues_the_work_of_a_dead_one(
    name: str, settings: dict[str, Any]
) -> None:
    disturbed = searched(name, settings, DEATHS)
    assert disturbed == searched(name, settings, set())
    assert len(disturbed) == TRIALS


def searched(name: str, settings: dict[str, Any], deaths: set[int]) -> list[Any]:
    """Each trial's hyperparameters, values and note."""
    request = {
        "name": "e",
        "model_training_code": "image",
        "hyperparameters": {
            "x": {"type": "float", "min": 0.0, "max": 1.0},
            "epochs": {"type": "int", "min": 1, "max": 9},
        },
        "hpo_algorithm": {"name": name, "settings": settings},
        "max_trials": TRIALS,
        "parallel_trials": 1,
        "seed": 7,
    }

    def submit(service: Service) -> None:
        service.submit(request, key="once")

    world = World([submit], objects=Mortal(deaths))
    world.run()
    assert not world.objects.deaths, "no suggestion died there"
    trials = Journals(world.objects, lambda: 0.0).trials("default", "e")
    return [_bare(trial) for trial in trials]


def _bare(trial: Trial) -> Any:
    return trial.hyperparameters, trial.values, trial.note, trial.parent, trial.state
