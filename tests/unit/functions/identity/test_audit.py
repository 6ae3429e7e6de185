"""Every change has its actor in the log, and `audit` lists who did what."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from functions.api.routes import ROUTES
from functions.hosting.near import Near
from functions.identity.actor import Actor
from functions.identity.gate import Gate
from functions.identity.rights import Right, Unrestricted, Verb
from tests.unit.functions.api.test_openapi import fits
from tests.unit.functions.conftest import SMALLEST, World
from tests.unit.functions.identity.test_routes import BODIES
from tunelet.cli import main
from tunelet.client.client import Client
from tunelet.core.ends import ON_REQUEST
from tunelet.core.events import TrialEnded
from tunelet.core.trial import TrialState
from tunelet.log import audit as log_audit
from tunelet.log.entry import Entry
from tunelet.log.verify import verify
from tunelet.service import Service

AUDIT = "/api/experiments/digits/audit"
SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
REQUEST = {**SMALLEST, "name": "digits", "hyperparameters": SPACE}
WITHOUT_ACTOR = {"replay", "send_heartbeats"}
"""Dead letters and heartbeats are in no log."""


@pytest.fixture
def named(world: World) -> World:
    """Bearer tokens are names, and everyone may do everything."""

    def known(request: Any) -> Actor:
        return Actor(request.headers["Authorization"].removeprefix("Bearer "))

    world.api = world.client("api", Gate(known, Unrestricted()))
    return world


def send(world: World, actor: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {actor}"}
    answer = world.api.open(path, method=method, json=body, headers=headers)
    assert answer.status_code < 300, answer.text
    return answer.json


def audited(world: World, **query: Any) -> Any:
    headers = {"Authorization": "Bearer auditor"}
    answer = world.api.get(AUDIT, query_string=query, headers=headers)
    fits("ChangePage", answer.json)
    return answer.json["changes"]


def test_each_change_is_listed_with_its_actor_in_order(named: World) -> None:
    one = "/api/experiments/digits"
    send(named, "ann", "POST", "/api/submit_job", REQUEST | {"enqueue": [{"x": 0.1}]})
    send(named, "bob", "POST", f"{one}/trials", {"trials": [{"x": 0.5}], "note": "a guess"})
    send(named, "cat", "POST", f"{one}/import", BODIES["Import"])
    send(named, "dan", "POST", f"{one}/pause")
    send(named, "eve", "POST", f"{one}/resume")
    send(named, "fay", "PATCH", one, {"max_trials": 70})
    send(named, "gus", "POST", f"{one}/stop")
    send(named, "hal", "DELETE", one)
    found = audited(named)
    assert [(each["actor"], each["action"]) for each in found] == [
        ("ann", "submit"),
        ("bob", "enqueue"),
        ("cat", "extend"),
        ("cat", "import"),
        ("dan", "pause"),
        ("eve", "resume"),
        ("fay", "extend"),
        ("gus", "end"),
        ("hal", "delete"),
    ]
    assert all(each["at"] for each in found)
    assert found[1]["detail"] == "trial 1: a guess"
    assert found[6]["detail"] == "changes max_trials"
    assert found[7]["detail"] == "STOPPED: stopped"
    assert [each["seq"] for each in found] == sorted(each["seq"] for each in found)
    assert not verify(named.store, "default", "digits").findings


def test_every_route_that_changes_an_experiment_gives_the_log_its_actor() -> None:
    for route in ROUTES:
        if not isinstance(route.access, Right) or route.access.verb in (Verb.GET, Verb.LIST):
            continue
        if route.endpoint.__name__ in WITHOUT_ACTOR:
            continue
        world, kind = World(), route.endpoint.__name__
        world.api = world.client("api", Gate(lambda _: Actor("me"), Unrestricted()))
        workers = {"model_training_code": {"workers": True}} if kind == "ask" else {}
        if kind != "submit":
            world.service.submit(REQUEST | workers | {"enqueue": [{"x": 0.1}]})
        if kind == "resume":
            world.service.pause("default", "digits")
        if kind == "retry":
            world.service.interventions.stop("default", "digits", 0)
        if kind in ("delete_study", "change_study"):
            world.service.studies("default").create("s", ["minimize"])
        body = REQUEST if kind == "submit" else BODIES.get(route.body or "")
        path = "/api" + route.path.format(name="digits", number=0, study=1)
        send(world, "me", route.method, path, body)
        entries = map(world.store.get, world.store.list("v1/default/"))
        assert any(b'"actor":"me"' in entry.data for entry in entries if entry), kind


def test_what_is_done_to_single_trials_notes_and_labels_is_listed(named: World) -> None:
    one = "/api/experiments/digits"
    send(named, "ann", "POST", "/api/submit_job", REQUEST | {"enqueue": [{"x": 0.1}]})
    send(named, "bob", "POST", f"{one}/trials/0/stop")
    send(named, "cat", "POST", f"{one}/trials/0/retry")
    send(named, "dan", "PUT", f"{one}/trials/0/note", {"note": "too slow"})
    send(named, "eve", "PUT", f"{one}/note", {"note": "data of May"})
    send(named, "fay", "PATCH", f"{one}/labels", {"team": "vision"})
    found = audited(named)
    assert [(each["actor"], each["action"], each["detail"]) for each in found[1:]] == [
        ("bob", "stop", "trial 0"),
        ("cat", "extend", "changes max_trials"),
        ("cat", "retry", "trial 0, as trial 1"),
        ("dan", "note", "on trial 0: too slow"),
        ("eve", "note", "on the experiment: data of May"),
        ("fay", "label", "team=vision"),
    ]
    assert not verify(named.store, "default", "digits").findings


def test_a_training_that_fails_with_the_words_of_a_stop_is_not_listed_as_one() -> None:
    ended = TrialEnded(0, 1, TrialState.FAIL, 1.0, reason=ON_REQUEST)
    entry = Entry(1, 2, "", "n", (ended,))
    assert log_audit.changes(entry) == []
    stopped = replace(ended, state=TrialState.STOPPED)
    assert [each.action for each in log_audit.changes(replace(entry, events=(stopped,)))] == [
        "stop"
    ]


def test_without_an_identity_the_log_is_written_as_before(world: World) -> None:
    world.running()
    world.service.extend("default", "digits", {"max_trials": 70})
    for change in (world.service.pause, world.service.resume, world.service.stop):
        change("default", "digits")
    entries = [world.store.get(key) for key in world.store.list("v1/default/digits/journal/")]
    assert all(entry is not None and b'"actor"' not in entry.data for entry in entries)
    extended = [entry for entry in entries if entry is not None and b'"Extended"' in entry.data]
    assert all(b'"type":"Extended","changes":{"max_trials":70}}' in e.data for e in extended)
    assert {each["actor"] for each in world.api.get(AUDIT).json["changes"]} == {None}


def test_an_end_by_the_budget_has_no_actor(named: World) -> None:
    send(named, "ann", "POST", "/api/submit_job", REQUEST | {"max_trials": 1})
    for step in (named.service.suggest, named.service.launch):
        step("default", "digits")
    token = {"Authorization": f"Bearer {named.token('digits', 0)}"}
    path = "/api/experiments/digits/trials/0/outcome"
    assert named.api.post(path, json=BODIES["Outcome"], headers=token).status_code == 200
    assert [(each["actor"], each["action"]) for each in audited(named)] == [
        ("ann", "submit"),
        (None, "end"),
    ]


def test_pages_leave_out_and_repeat_nothing(named: World, monkeypatch: pytest.MonkeyPatch) -> None:
    send(named, "ann", "POST", "/api/submit_job", REQUEST)
    for _ in range(10):
        send(named, "dan", "POST", "/api/experiments/digits/pause")
        send(named, "eve", "POST", "/api/experiments/digits/resume")
    whole = audited(named)
    assert len(whole) == 21
    client = Client.over(Near(named.service))
    assert list(client.audit("digits", limit=2)) == whole
    monkeypatch.setattr(log_audit, "READ_A_PAGE", 3)
    assert list(client.audit("digits", limit=100)) == whole


def test_an_experiment_that_never_was_has_no_audit(named: World) -> None:
    headers = {"Authorization": "Bearer auditor"}
    answer = named.api.get("/api/experiments/nothing/audit", headers=headers)
    assert answer.status_code == 404


def test_the_command_reads_a_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], service_over: Any
) -> None:
    service: Service = service_over(tmp_path)
    service.submit(REQUEST, actor="ann")
    service.stop("default", "digits", "bob\x1b[31m")
    assert main(["audit", "digits", "--store", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ENTRY", "TIME", "ACTOR", "ACTION", "DETAIL"]
    assert lines[1].split()[2:4] == ["ann", "submit"]
    assert "bob" in lines[2]
    assert "\x1b[31m" not in lines[2]
    assert main(["audit", "nothing", "--store", str(tmp_path)]) == 3


@pytest.fixture
def service_over() -> Any:
    from adapters.storage.files import FileStore
    from algorithms import load_catalog
    from functions.events.outbox import Nowhere
    from tests.faults.training import ScriptedLauncher
    from tunelet.assembly import assembled

    def opened(folder: Path) -> Service:
        return assembled(
            *(FileStore(folder), ScriptedLauncher(), load_catalog(), Nowhere()),
            secret=bytes(16),
            api_url="",
        )

    return opened


def test_the_changes_of_a_study_have_the_actor_that_calls_and_no_other(named: World) -> None:
    named.service.studies("default").create("s", ["minimize"])
    path, by = "/api/studies/1/commands", {"key": "a-1", "by": "a-1"}
    created = {"type": "CreateTrial", **by}
    forged = {"commands": [created | {"actor": "eve"}]}
    headers = {"Authorization": "Bearer ann"}
    refused = named.api.post(path, json=forged, headers=headers)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "commands[0].actor"
    ended = {"type": "EndTrial", "number": 0, "by": "a-2", "state": "COMPLETE"}
    told = ended | {"values": {"objective": 1.0}}
    commands = [created, {"type": "SetAttributes", "attributes": {"a": 1}}, told]
    send(named, "ann", "POST", path, {"commands": commands})
    experiment = named.service.experiments("default")[0][0].name
    found = Client.over(Near(named.service)).audit(experiment)
    assert [(each["actor"], each["action"]) for each in found] == [
        (None, "submit"),
        ("ann", "create"),
        ("ann", "take"),
        ("ann", "set"),
        ("ann", "tell"),
    ]
