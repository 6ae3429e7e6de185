"""Workers over HTTP: ask, heartbeat, outcome, release, and errors for mistakes."""

from typing import Any

import pytest

from tests.unit.functions.api.test_api import bearer, fields, problem
from tests.unit.functions.api.test_openapi import fits
from tests.unit.functions.conftest import SMALLEST, World

ONE = "/api/experiments/e"


@pytest.fixture
def world() -> World:
    world = World()
    world.service.submit({**SMALLEST, "name": "e", "model_training_code": {"workers": True}})
    return world


def ask(world: World, key: str | None = None, **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = world.api.post(f"{ONE}/trials/ask", json=body, headers=headers)
    assert answer.status_code == 200, answer.json
    fits("Asked", answer.json)
    return answer.json


def post(world: World, trial: Any, path: str, body: Any) -> Any:
    where = f"{ONE}/trials/{trial['number']}/{path}"
    return world.api.post(where, json=body, headers=bearer(trial["token"]))


def test_a_trial_is_asked_for_renewed_and_ended(world: World) -> None:
    answer = ask(world, lease_seconds=30)
    (trial,) = answer["trials"]
    assert (answer["state"], answer["ended"], trial["state"]) == ("RUNNING", False, "RUNNING")
    assert trial["checkpoint_url"].endswith("/0")
    assert post(world, trial, "reports", {"reports": []}).json == {"stop": False}
    done = {"state": "COMPLETE", "values": {"objective": 0.5}}
    assert post(world, trial, "outcome", done).json["values"] == {"objective": 0.5}
    assert post(world, trial, "outcome", done).status_code == 200


def test_the_same_key_gets_the_same_trials(world: World) -> None:
    first = ask(world, "k", count=2)
    assert ask(world, "k", count=2) == first
    assert len(first["trials"]) == 2


def test_a_trial_that_is_given_back_is_given_to_the_next(world: World) -> None:
    (trial,) = ask(world)["trials"]
    back = post(world, trial, "release", {"reason": "SIGTERM"})
    assert (back.json["attempt"], back.json["reason"]) == (2, "SIGTERM")
    assert post(world, trial, "reports", {"reports": []}).json == {"stop": True}
    refused = post(world, trial, "outcome", {"state": "COMPLETE", "values": {"objective": 1}})
    assert "ask for another trial" in problem(refused, 409)["detail"]
    (again,) = ask(world)["trials"]
    assert (again["number"], again["attempt"]) == (0, 2)


def test_an_experiment_that_has_ended_says_so(world: World) -> None:
    world.api.post(f"{ONE}/stop")
    answer, uid = ask(world), world.api.get(ONE).json["uid"]
    ended = {"trials": [], "state": "STOPPED", "reason": "stopped", "ended": True}
    assert answer == {**ended, "uid": uid}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"count": 0}, {"count"}),
        ({"count": True, "lease_seconds": "60"}, {"count", "lease_seconds"}),
        ({"count": 1001, "lease_seconds": 1}, {"count", "lease_seconds"}),
        ({"lease_seconds": 1e9, "worker": "me"}, {"lease_seconds", "worker"}),
        ([], {"body"}),
    ],
)
def test_all_that_is_wrong_with_a_request_is_named(
    world: World, body: Any, wrong: set[str]
) -> None:
    answer = world.api.post(f"{ONE}/trials/ask", json=body)
    assert fields(problem(answer, 422)) == wrong


def test_an_experiment_that_launches_its_trials_gives_none(world: World) -> None:
    world.running()
    answer = world.api.post("/api/experiments/digits/trials/ask", json={})
    assert '{"workers": true}' in problem(answer, 409)["detail"]


def test_a_release_needs_the_trials_token(world: World) -> None:
    ask(world)
    problem(world.api.post(f"{ONE}/trials/0/release", json={}), 401)
    answer = world.api.post(f"{ONE}/trials/0/release", json={}, headers=bearer("x"))
    problem(answer, 403)


def test_a_crash_of_the_machine_uses_up_an_attempt(world: World) -> None:
    for attempt in (1, 2, 3):
        (trial,) = ask(world)["trials"]
        assert trial["attempt"] == attempt
        back = post(world, trial, "release", {"reason": "disk full", "counted": True}).json
    assert (back["state"], back["reason"]) == ("FAIL", "lost 3 times, the last time: disk full")


def test_an_outcome_has_the_exit_code_and_the_last_output(world: World) -> None:
    (trial,) = ask(world)["trials"]
    failed = {"state": "FAIL", "reason": "exit code 3", "exit_code": 3, "log_tail": "No data"}
    shown = post(world, trial, "outcome", failed).json
    assert (shown["exit_code"], shown["log_tail"]) == (3, "No data")
    wrong = {"state": "FAIL", "exit_code": "3", "log_tail": "x" * 5000}
    refused = problem(post(world, trial, "outcome", wrong), 422)
    assert fields(refused) == {"exit_code", "log_tail"}
    back = post(world, trial, "release", {"counted": 1, "why": "x"})
    assert fields(problem(back, 422)) == {"counted", "why"}


def test_the_output_of_a_trial_is_shown_once_its_worker_has_sent_it(world: World) -> None:
    (trial,) = ask(world)["trials"]
    missing = world.api.get(f"{ONE}/trials/0/logs")
    assert "its worker sends it at the end" in problem(missing, 404)["detail"]
    for output in ("épochs: 3\n", "second"):
        assert post(world, trial, "output", {"output": output}).status_code == 204
    assert world.api.get(f"{ONE}/trials/0/logs").text == "épochs: 3\n"
    for wrong in ({"output": None}, {}):
        assert fields(problem(post(world, trial, "output", wrong), 422)) == {"output"}


def test_only_workers_send_output(world: World) -> None:
    world.running()
    headers = bearer(world.token("digits", 0))
    body = {"output": "x"}
    answer = world.api.post("/api/experiments/digits/trials/0/output", json=body, headers=headers)
    assert "are launched" in problem(answer, 409)["detail"]


def test_an_answer_without_a_trial_says_why(world: World) -> None:
    taken = ask(world, count=5)
    assert (len(taken["trials"]), taken["reason"]) == (3, None)
    assert "parallel_trials is 3, and as many trials run" in ask(world)["reason"]
    world.api.post(f"{ONE}/pause")
    assert ask(world)["reason"] == "the experiment is paused"
    world.api.post(f"{ONE}/resume")
    world.service.extend("default", "e", {"parallel_trials": 4, "max_trials": 3})
    assert "has no trial before a running one ends" in ask(world)["reason"]
