"""The functions as separate processes, as on a cluster, with a broker between them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.events.signature import ATTRIBUTE
from tests.e2e.processes import Functions, over_folder
from tests.guard import end_all
from tunelet.client import Client

TRAIN = 'echo "step=1 objective=0.5"; echo "objective=$TUNELET_TRIAL.5"'


# Six processes, which take a while to start.
pytestmark = pytest.mark.xdist_group("functions")


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    folder = tmp_path_factory.mktemp("functions")
    started = over_folder(folder, TRAIN)
    yield started
    started.close()
    end_all(folder)


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
    subjects = [letter["event"]["subject"] for letter in functions.client.dead_letters()]
    assert not [each for each in subjects if each.startswith("default/spread")]


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


def test_a_trial_that_reaches_the_functions_makes_no_letter_of_a_tenant(
    functions: Functions,
) -> None:
    """On Knative it does so through the gateway: neither a forged nor an old event counts."""
    functions.wait("deadletter")
    functions.client.submit(request(name="signed"))
    genuine, body = _posted(functions, "default/signed")
    forged = {**genuine, "ce-id": "forged", "ce-subject": "vision/theirs"}
    unsigned = {name: value for name, value in genuine.items() if name != ATTRIBUTE}
    for attempt in (forged, {**genuine, "ce-subject": "vision/theirs"}, unsigned):
        assert functions.post("deadletter", attempt, body).status == 204
        assert "." not in _letters(functions)[0]["id"], attempt
    for _ in range(2):
        assert functions.post("deadletter", genuine, body).status == 204
    owners = [each["id"].partition(".")[2] for each in _letters(functions)]
    assert owners.count("default") == 1


def test_a_stranger_gets_no_event_as_an_answer(functions: Functions) -> None:
    """It would be a signed one, about an experiment that the stranger may not know of."""
    functions.wait("suggest")
    other = Client(functions.client.url, "vision")
    other.submit(request(name="theirs", max_trials=1))
    functions.route = lambda headers, body: None
    other.stop("theirs")
    event = dict(_posted(functions, "vision/theirs")[0])
    event |= {ATTRIBUTE: "0" * 64, "ce-type": "dev.tunelet.suggest.requested"}
    answer = functions.post("suggest", event, b"{}")
    assert (answer.status, answer.body) == (204, b"")
    assert not [each for each in answer.headers if each.lower().startswith("ce-")]


def _posted(functions: Functions, subject: str) -> tuple[dict[str, str], bytes]:
    """The first event about the subject that a function has posted."""
    deadline = time.monotonic() + 60
    while True:
        for headers, body in list(functions.seen):
            if headers.get("ce-subject") == subject:
                kept = {n: v for n, v in headers.items() if n.startswith("ce-")}
                return kept | {"content-type": "application/json"}, body
        assert time.monotonic() < deadline, functions.log.read_text()
        time.sleep(0.05)
