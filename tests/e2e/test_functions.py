"""The functions as separate processes, as on a cluster, with a broker between them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Functions, over_folder

TRAIN = 'echo "step=1 objective=0.5"; echo "objective=$TUNELET_TRIAL.5"'


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    started = over_folder(tmp_path, TRAIN)
    yield started
    started.close()


def request(**fields: Any) -> dict[str, Any]:
    return {
        "name": "spread",
        "model_training_code": "trainer",
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "max_trials": 4,
        "parallel_trials": 2,
        **fields,
    }


def test_a_process_for_each_function_and_a_folder_run_an_experiment(
    functions: Functions,
) -> None:
    functions.client.submit(request())
    deadline = time.monotonic() + 60
    while not (now := functions.client.experiment("spread")).ended:
        assert time.monotonic() < deadline, functions.log.read_text()
        # The schedule: nothing else here would notice the end of a process.
        assert functions.sweep() == 204
        time.sleep(0.2)
    assert now.state == "COMPLETE", functions.log.read_text()
    trials = now.trials
    assert [(t["number"], t["state"]) for t in trials] == [(n, "COMPLETE") for n in range(4)]
    assert now.best is not None
    assert now.best["values"] == {"objective": 0.5}
    assert not list(functions.client.dead_letters())


def test_an_event_that_is_refused_is_a_dead_letter_to_look_at_and_replay(
    functions: Functions,
) -> None:
    functions.wait("complete")
    functions.wait("deadletter")
    event = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/pipeline",
        "ce-type": "dev.tunelet.trial.completed",
        "ce-subject": "default/nothing/0/1",
        "content-type": "application/json",
    }
    functions.broker.route(event, b'{"token": "a key", "values": {"objective": 1}}')
    first = _letters(functions)[0]
    assert first["event"]["subject"] == "default/nothing/0/1"
    assert (first["destination"], first["status"]) == ("complete", 422)
    assert "nothing" in first["answer"]
    assert functions.client.dead_letter(first["id"])["data"]["token"] == "(not shown)"
    functions.client.replay(first["id"])
    # It is still poison, and comes back.
    assert _letters(functions)[0]["id"] != first["id"]


def _letters(functions: Functions) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 60
    while not (found := list(functions.client.dead_letters())):
        assert time.monotonic() < deadline, functions.log.read_text()
        time.sleep(0.05)
    return found
