"""Imported trials over HTTP: refusals, and what the algorithm learns."""

from typing import Any

import pytest

from tests.unit.functions.api.test_api import ONE, problem
from tests.unit.functions.conftest import World

GOOD = {"hyperparameters": {"x": 0.5}, "values": {"objective": 1.0}}


def sent(world: World, body: Any, key: str = "k") -> Any:
    return world.api.post(f"{ONE}/import", json=body, headers={"Idempotency-Key": key})


def test_an_import_is_answered_with_its_trials_and_made_once(world: World) -> None:
    world.running(max_trials=4)
    body = {"trials": [GOOD, {**GOOD, "values": {"objective": 0.5, "size": 3}}]}
    first, again = sent(world, body).json, sent(world, body).json
    assert first == again
    one, other = first["trials"]
    assert (one["state"], one["values"], one["imported"]) == ("COMPLETE", {"objective": 1.0}, True)
    assert other["values"] == {"objective": 0.5, "size": 3.0}
    shown = world.restarted().api.get(ONE).json
    assert shown["spec"]["max_trials"] == 6
    assert shown["best"]["number"] == other["number"]
    problem(sent(world, {"trials": [GOOD]}), 409)


def test_one_that_counts_must_fit_the_budget(world: World) -> None:
    world.running(max_trials=4, parallel_trials=3)
    problem(sent(world, {"trials": [GOOD, GOOD], "count": True}), 409)
    assert sent(world, {"trials": [GOOD], "count": True}).status_code == 200
    assert world.api.get(ONE).json["spec"]["max_trials"] == 4


@pytest.mark.parametrize(
    ("trial", "field"),
    [
        (3, "trials[1]"),
        ({}, "trials[1]"),
        ({**GOOD, "other": 1}, "trials[1]"),
        ({**GOOD, "hyperparameters": {"x": 7}}, "trials[1].hyperparameters.x"),
        ({**GOOD, "hyperparameters": {}}, "trials[1].hyperparameters.x"),
        ({**GOOD, "values": {}}, "trials[1].values.objective"),
        ({**GOOD, "values": []}, "trials[1].values"),
        ({**GOOD, "values": {"objective": True}}, "trials[1].values.objective"),
        ({**GOOD, "values": {"objective": "low"}}, "trials[1].values.objective"),
        ({**GOOD, "values": {"objective": 1, "a\x1b": 1}}, "trials[1].values"),
        ({**GOOD, "state": "RUNNING"}, "trials[1].state"),
        ({**GOOD, "reason": "x" * 1001}, "trials[1].reason"),
    ],
)
def test_each_problem_names_its_field(world: World, trial: Any, field: str) -> None:
    world.running(max_trials=4)
    document = problem(sent(world, {"trials": [GOOD, trial]}), 422)
    assert [error["field"] for error in document["errors"]] == [field]
    assert world.api.get(ONE).json["spec"]["max_trials"] == 4


@pytest.mark.parametrize(
    "body", [3, [], {}, {"trials": []}, {"trials": [GOOD], "count": 1}, {"trials": [GOOD] * 1001}]
)
def test_what_is_no_import_is_refused(world: World, body: Any) -> None:
    world.running()
    problem(sent(world, body), 422)


def test_a_trial_without_a_result_may_have_failed_or_been_pruned(world: World) -> None:
    world.running(max_trials=4)
    body = {"trials": [{"hyperparameters": {"x": 0.1}, "state": s} for s in ("FAIL", "PRUNED")]}
    assert [trial["state"] for trial in sent(world, body).json["trials"]] == ["FAIL", "PRUNED"]


@pytest.mark.parametrize("algorithm", ["tpe", "hyperopt.tpe"])
def test_the_algorithm_learns_from_what_was_imported(algorithm: str) -> None:
    """Thirty trials show that 0.7 is best: later suggestions are nearer to it than without them."""

    def distance(imported: bool) -> float:
        world = World()
        world.service.submit(
            {
                "name": "digits",
                "model_training_code": "image",
                "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
                "hpo_algorithm": algorithm,
                "parallel_trials": 8,
                "seed": 1,
            }
        )
        if imported:
            xs = [n / 29 for n in range(30)]
            trials = [
                {"hyperparameters": {"x": x}, "values": {"objective": (x - 0.7) ** 2}} for x in xs
            ]
            world.service.import_trials("default", "digits", {"trials": trials})
        world.service.suggest("default", "digits")
        found = [t.hyperparameters["x"] for t in world.service.experiment("default", "digits").live]
        assert len(found) == 8
        return sum(abs(float(str(x)) - 0.7) for x in found) / len(found)

    assert distance(imported=True) < 0.7 * distance(imported=False)
