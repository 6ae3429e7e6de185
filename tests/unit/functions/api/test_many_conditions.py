"""Spaces with many conditions: accepted and searched, or refused with the limit."""

import json
from typing import Any

import pytest

from tests.unit.functions.conftest import World
from tunelet.text.limits import CONDITIONS

ALGORITHMS = ["random_search", "grid_search", "tpe", "hyperopt.tpe"]
CHOICE: dict[str, Any] = {"type": "categorical", "choices": ["a", "b"]}


def deep(levels: int) -> dict[str, Any]:
    """Each hyperparameter depends on the one before it; children precede their parents."""
    chain = {f"p{n}": {**CHOICE, "when": {f"p{n - 1}": "a"}} for n in range(levels, 0, -1)}
    return {**chain, "p0": CHOICE}


def wide(children: int) -> dict[str, Any]:
    return {"p0": CHOICE} | {
        f"p{n}": {**CHOICE, "when": {"p0": "a"}} for n in range(1, children + 1)
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("space", [deep(10), deep(CONDITIONS), wide(499)])
def test_every_algorithm_searches_every_accepted_space(
    world: World, space: dict[str, Any], algorithm: str
) -> None:
    world.running(hyperparameters=space, hpo_algorithm=algorithm, parallel_trials=2)

    experiment = world.service.experiment("default", "digits")

    assert (experiment.state, experiment.reason, experiment.next_number) == ("RUNNING", None, 2)


@pytest.mark.parametrize("levels", [CONDITIONS + 1, 350, 499])
def test_deeper_ones_are_refused_with_the_limit(
    world: World, smallest: dict[str, Any], levels: int
) -> None:
    body = json.dumps({**smallest, "hyperparameters": deep(levels)}, separators=(",", ":"))

    answer = world.api.post("/api/submit_job", data=body, content_type="application/json")

    told: Any = answer.json
    assert answer.status_code == 422
    (error,) = told["errors"]
    assert error["field"] == f"hyperparameters.p{CONDITIONS + 1}.when"
    assert "at most 64 conditions" in error["remedy"]
