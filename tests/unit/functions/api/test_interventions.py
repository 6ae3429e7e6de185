"""A trial stopped and retried, notes and labels over HTTP, and errors for mistakes."""

from typing import Any

import pytest

from adapters.events.cloudevents import binary
from tests.unit.functions.api.test_api import bearer, fields, problem
from tests.unit.functions.api.test_openapi import fits
from tests.unit.functions.conftest import SMALLEST, World
from tunelet.core import commands
from tunelet.core.signal import LAUNCH
from tunelet.log.compaction import WINDOW
from tunelet.log.journal import Journal
from tunelet.text.limits import LABELS, NOTE_BYTES

ONE = "/api/experiments/digits"


@pytest.fixture
def world() -> World:
    world = World()
    world.running(max_trials=4, parallel_trials=2, seed=1)
    return world


def sent(world: World, method: str, path: str, body: Any = None, schema: str = "Trial") -> Any:
    answer = world.api.open(f"{ONE}/{path}", method=method, json=body)
    assert answer.status_code == 200, answer.json
    fits(schema, answer.json)
    return answer.json


def retired(world: World) -> None:
    """Let the window close: ended trials leave the state."""
    for _ in range(WINDOW // 2):
        world.service.pause("default", "digits")
        world.service.resume("default", "digits")


def test_a_stopped_trials_run_ends_and_its_slot_is_taken(world: World) -> None:
    stopped, other = world.run("digits", 0), world.run("digits", 1)
    assert world.launcher.running() == [stopped, other]
    world.broker.signals.clear()
    answer = sent(world, "POST", "trials/0/stop")
    assert (answer["state"], answer["reason"]) == ("STOPPED", "stopped on request")
    assert LAUNCH in [signal.topic for signal in world.broker.signals]
    world.service.launch("default", "digits")
    assert world.launcher.running() == [other]
    world.service.suggest("default", "digits")
    world.service.launch("default", "digits")
    assert world.launcher.running() == [other, world.run("digits", 2)]


def test_a_stop_sent_again_signals_again_and_one_of_an_ended_trial_shows_its_state(
    world: World,
) -> None:
    sent(world, "POST", "trials/0/stop")
    world.broker.signals.clear()
    assert sent(world, "POST", "trials/0/stop")["state"] == "STOPPED"
    assert LAUNCH in [signal.topic for signal in world.broker.signals]
    done = {"state": "COMPLETE", "values": {"objective": 1}}
    token = bearer(world.token("digits", 1))
    world.api.post(f"{ONE}/trials/1/outcome", json=done, headers=token)
    assert sent(world, "POST", "trials/1/stop")["state"] == "COMPLETE"
    assert "no trial 9" in problem(world.api.post(f"{ONE}/trials/9/stop"), 404)["detail"]


def test_without_the_signal_the_sweep_ends_the_run_of_a_stopped_trial(world: World) -> None:
    sent(world, "POST", "trials/0/stop")
    retired(world)
    assert world.run("digits", 0) in world.launcher.running()
    world.restarted().service.sweep()
    assert world.run("digits", 0) not in world.launcher.running()


def test_a_run_ends_by_its_signal_also_if_its_trial_has_left_the_state(world: World) -> None:
    """The entry of the stop closes a window."""
    journal = Journal(world.store, "default", "digits")
    while journal.commit() and (journal.seq + 1) % WINDOW:
        world.service.pause("default", "digits")
        if (journal.seq + 2) % WINDOW:
            world.service.resume("default", "digits")
    stopped = world.run("digits", 0)
    world.broker.signals.clear()
    sent(world, "POST", "trials/0/stop")
    assert 0 not in world.service.experiment("default", "digits").trials
    for signal in world.broker.signals:
        if signal.topic == LAUNCH:
            event = binary(signal)
            answer = world.client("launch").post("/", headers=event[0], data=event[1])
            assert answer.status_code == 204
    assert stopped not in world.launcher.running()


def test_a_training_that_reports_learns_that_its_trial_was_stopped(world: World) -> None:
    token = bearer(world.token("digits", 0))
    report = {"step": 1, "values": {"objective": 1}}
    path = f"{ONE}/trials/0/reports"
    assert world.api.post(path, json=report, headers=token).json == {"stop": False}
    sent(world, "POST", "trials/0/stop")
    assert world.api.post(path, json=report | {"step": 2}, headers=token).json == {"stop": True}
    assert [each["step"] for each in sent(world, "GET", "trials/0")["reports"]] == [1]


@pytest.mark.parametrize("old", [False, True], ids=["in the window", "in a segment"])
def test_a_retry_is_a_trial_with_the_same_hyperparameters(world: World, old: bool) -> None:
    tried = sent(world, "POST", "trials/0/stop")
    if old:
        retired(world)
    headers = {"Idempotency-Key": "k"}
    made = world.api.post(f"{ONE}/trials/0/retry", headers=headers).json
    fits("Trial", made)
    assert made["hyperparameters"] == tried["hyperparameters"]
    assert (made["retry_of"], made["enqueued"], tried["retry_of"]) == (0, True, None)
    again = world.api.post(f"{ONE}/trials/0/retry", headers=headers).json
    assert again["number"] == made["number"]
    assert world.service.experiment("default", "digits").terms.max_trials == 5
    refused = problem(world.api.post(f"{ONE}/trials/1/retry", headers=headers), 409)
    assert "has not ended; stop it first" in refused["detail"]


def test_an_ended_experiment_is_announced_before_it_continues(world: World) -> None:
    world.service.extend("default", "digits", {"max_trials": 2})
    sent(world, "POST", "trials/0/stop")
    outcome = {"state": "FAIL", "reason": "no data"}
    token = bearer(world.token("digits", 1))
    world.api.post(f"{ONE}/trials/1/outcome", json=outcome, headers=token)
    assert world.service.experiment("default", "digits").over
    for key in list(world.store.list("live/")):
        world.store.delete(key)
    assert sent(world, "POST", "trials/1/retry")["number"] == 2
    assert list(world.store.list("live/"))
    assert not world.service.experiment("default", "digits").over


@pytest.mark.parametrize("old", [False, True], ids=["in the window", "in a segment"])
def test_a_note_is_shown_wherever_its_trial_is(world: World, old: bool) -> None:
    done = {"state": "COMPLETE", "values": {"objective": 1}}
    token = bearer(world.token("digits", 0))
    world.api.post(f"{ONE}/trials/0/outcome", json=done, headers=token)
    if old:
        retired(world)
    assert sent(world, "PUT", "trials/0/note", {"note": "the best\nso far"})["number"] == 0
    for shown in (
        sent(world, "GET", "trials/0"),
        sent(world, "GET", "trials?limit=1", schema="TrialPage")["trials"][0],
        sent(world, "GET", "best", schema="Best")["best"],
        world.api.get(ONE).json["best"],
        World(world.store).api.get(f"{ONE}/trials/0").json,
    ):
        assert shown["note"] == "the best\nso far"
    assert sent(world, "PUT", "trials/0/note", {"note": ""})["note"] is None
    assert sent(world, "GET", "trials/0")["note"] is None


def test_notes_and_labels_of_an_experiment_survive_its_snapshots(world: World) -> None:
    noted = sent(world, "PUT", "note", {"note": "data of May"}, "Experiment")
    assert noted["note"] == "data of May"
    sent(world, "PATCH", "labels", {"team": "vision", "old": "1"}, "Experiment")
    labelled = sent(world, "PATCH", "labels", {"old": None, "stage": ""}, "Experiment")
    assert labelled["spec"]["labels"] == {"team": "vision", "stage": ""}
    retired(world)
    for key in list(world.store.list("v1/default/digits/journal/"))[:WINDOW]:
        world.store.delete(key)
    shown = World(world.store).api.get(ONE).json
    assert (shown["note"], shown["spec"]["labels"]) == ("data of May", labelled["spec"]["labels"])


@pytest.mark.parametrize(
    "body",
    [[], {}, {"note": 1}, {"note": "x", "more": 1}, {"note": "\x1b[31m"}],
    ids=str,
)
def test_a_note_that_is_none_is_refused(world: World, body: Any) -> None:
    for path in (f"{ONE}/note", f"{ONE}/trials/0/note"):
        assert fields(problem(world.api.put(path, json=body), 422)) == {"note"}
    long = problem(world.api.put(f"{ONE}/note", json={"note": "ä" * NOTE_BYTES}), 422)
    assert fields(long) == {"note"}
    assert f"at most {NOTE_BYTES} bytes" in long["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tunelet.dev/x": "1"}, "tunelet.dev/x"),
        ({"a b": "1"}, "a b"),
        ({"a b": None}, "a b"),
        ({"a": 1}, "a"),
        ({"a": "x" * 201}, "a"),
        ({}, ""),
        ([], ""),
        ({f"l{n}": "" for n in range(LABELS + 1)}, ""),
    ],
    ids=str,
)
def test_labels_that_are_none_are_refused(world: World, body: Any, field: str) -> None:
    refused = problem(world.api.patch(f"{ONE}/labels", json=body), 422)
    assert [each["field"] for each in refused["errors"]] == [field]
    assert all(each["remedy"] for each in refused["errors"])


def test_a_reserved_label_of_the_submission_can_be_removed() -> None:
    """Earlier versions took one."""
    world = World()
    world.running()
    log = Journal(world.store, "default", "digits")
    log.commit(commands.SetLabels({"tunelet.dev/x": "1"}, (), ""))
    all_again = {"labels": {"tunelet.dev/x": "1", "team": "vision"}}
    assert world.api.patch(ONE, json=all_again).status_code == 200
    answer = sent(world, "PATCH", "labels", {"tunelet.dev/x": None}, "Experiment")
    assert answer["spec"]["labels"] == {"team": "vision"}


@pytest.mark.parametrize("way", ["submit", "extend"])
def test_labels_that_are_tunelets_are_refused_wherever_labels_enter(way: str) -> None:
    world, labels = World(), {"team": "vision", "tunelet.dev/uid": "1"}
    world.running()
    if way == "submit":
        body = {**SMALLEST, "labels": labels, "name": "other"}
        answer = world.api.post("/api/submit_job", json=body)
    else:
        answer = world.api.patch(ONE, json={"labels": labels})
    (error,) = problem(answer, 422)["errors"]
    assert error["field"] == "labels.tunelet.dev/uid"
    assert "choose a name" in error["remedy"]


def test_a_worker_learns_of_the_stop_with_its_next_sign_of_life() -> None:
    world = World()
    code = {"workers": True}
    world.service.submit({**SMALLEST, "name": "digits", "model_training_code": code})
    (trial,) = world.api.post(f"{ONE}/trials/ask", json={}).json["trials"]
    token, path = bearer(trial["token"]), f"{ONE}/trials/0"
    beat = {"reports": []}
    assert world.api.post(f"{path}/reports", json=beat, headers=token).json == {"stop": False}
    sent(world, "POST", "trials/0/stop")
    assert world.api.post(f"{path}/reports", json=beat, headers=token).json == {"stop": True}
    done = {"state": "COMPLETE", "values": {"objective": 1}}
    told = world.api.post(f"{path}/outcome", json=done, headers=token)
    assert (told.status_code, told.json["state"]) == (200, "STOPPED")
    assert not [key for key in world.store.list("v1/") if key.endswith(".lease")]
