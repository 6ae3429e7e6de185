"""Studies over HTTP: create, change and read them; repeated requests, and errors for mistakes."""

from secrets import token_hex
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.optuna.frozen import frozen
from functions.api import studies
from functions.identity.actor import Actor
from functions.identity.gate import Gate
from functions.identity.rights import Unrestricted
from tests.unit.functions.api.test_api import fields, problem
from tests.unit.functions.api.test_openapi import JSON, fits
from tests.unit.functions.conftest import World
from tunelet.core.quotas import Quota, Quotas
from tunelet.core.study_view import Since

ONE = "/api/studies/1"
UNIT = {"type": "float", "min": 0.0, "max": 1.0}


@pytest.fixture
def world() -> World:
    return begun()


def begun() -> World:
    world = World()
    body = {"name": "My study", "directions": ["minimize"]}
    answer = world.api.post("/api/studies", json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200, answer.json
    fits("Study", answer.json)
    assert (answer.json["number"], answer.json["name"]) == (1, "My study")
    return world


def send(world: World, *commands: Any, **known: int) -> Any:
    answer = world.api.post(f"{ONE}/commands", json={"commands": list(commands), **known})
    assert answer.status_code == 200, answer.json
    fits("StudyChanged", answer.json)
    return answer.json


def changes(world: World, **query: int) -> Any:
    answer = world.api.get(f"{ONE}/changes", query_string=query)
    fits("StudyChanges", answer.json)
    return answer.json


def create(by: str, **more: Any) -> dict[str, Any]:
    return {"type": "CreateTrial", "key": by, "by": by, **more}


def end(number: int, by: str, **more: Any) -> dict[str, Any]:
    return {"type": "EndTrial", "number": number, "by": by, "state": "COMPLETE", **more}


def set_to(value: Any, key: str | None = None) -> dict[str, Any]:
    return {"type": "SetAttributes", "attributes": {"a": value}} | ({"key": key} if key else {})


def test_a_study_is_created_once_with_a_key(world: World) -> None:
    body = {"name": "My study", "directions": ["minimize"]}
    again = world.api.post("/api/studies", json=body, headers={"Idempotency-Key": "k"})
    assert again.json["number"] == 1
    refused = world.api.post("/api/studies", json=body)
    assert "exists already" in problem(refused, 409)["detail"]
    (listed,) = world.api.get("/api/studies").json["studies"]
    assert listed == world.api.get("/api/studies?name=My+study").json["studies"][0] == again.json
    fits("StudyPage", world.api.get("/api/studies").json)


def test_a_trial_is_created_changed_and_ended(world: World) -> None:
    made = send(world, create("a-1", changes={"attributes": {"host": "h"}}))
    (trial,) = made["named"]
    assert (trial["number"], trial["state"], trial["by"]) == (0, "RUNNING", "a-1")
    contents = {
        "hyperparameters": {"x": 0.5},
        "space": {"x": UNIT},
        "reports": [{"step": 0, "values": {"objective": "NaN"}}],
    }
    change = {"type": "ChangeTrial", "number": 0, "by": "a", "revision": 1, "changes": contents}
    changed = send(world, change, after=made["seq"])
    assert changed["trials"] == changed["named"]
    assert changed["named"][0]["hyperparameters"] == {"x": 0.5}
    (ended,) = send(world, end(0, "a-2", values={"objective": 0.25}))["named"]
    assert (ended["state"], ended["values"], ended["by"]) == (
        *("COMPLETE", {"objective": 0.25}),
        "a-2",
    )


def test_commands_that_are_repeated_change_nothing_more(world: World) -> None:
    waiting = create("a-1", state="WAITING")
    take = {"type": "TakeTrial", "number": 0, "by": "a-2"}
    report = {"reports": [{"step": 0, "values": {"objective": 1.0}}]}
    change = {"type": "ChangeTrial", "number": 0, "by": "a", "revision": 3, "changes": report}
    for command in (waiting, take, change, end(0, "a-4"), set_to(1, "a-5")):
        first = send(world, command)
        assert send(world, command) == first
    send(world, set_to(2))
    seq = changes(world)["seq"]
    assert send(world, set_to(1, "a-5"))["study"]["attributes"] == {"a": 2}
    assert changes(world)["seq"] == seq


def test_the_loser_of_two_callers_sees_the_other(world: World) -> None:
    send(world, create("a-1"))
    send(world, end(0, "a-2", values={"objective": 1}))
    (named,) = send(world, end(0, "b-1", values={"objective": 2}))["named"]
    assert (named["by"], named["values"]) == ("a-2", {"objective": 1})


def test_only_what_has_changed_is_sent(world: World) -> None:
    seq = send(world, create("a-1"), create("a-2"), create("a-3"))["seq"]
    assert changes(world, after=seq)["trials"] == []
    send(world, end(1, "a-4"))
    assert [each["number"] for each in changes(world, after=seq)["trials"]] == [1]
    assert [each["number"] for each in changes(world, lowest=2)["trials"]] == [2]


def test_long_answers_come_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    send(world, *(create(f"a-{n}") for n in range(5)))
    monkeypatch.setattr(studies, "TRIALS", 2)
    seen, lowest = list[int](), 0
    while lowest is not None:
        page = changes(world, lowest=lowest)
        seen += [each["number"] for each in page["trials"]]
        lowest = page["next"]
    assert seen == [0, 1, 2, 3, 4]
    monkeypatch.setattr(studies, "ANSWER_BYTES", 10)
    assert (len(changes(world)["trials"]), changes(world)["next"]) == (1, 1)
    assert send(world, end(4, "b-1"))["next"] == 1


def test_a_deleted_study_is_gone(world: World) -> None:
    assert world.api.delete(ONE).status_code == 204
    for answer in (
        world.api.delete(ONE),
        world.api.get(f"{ONE}/changes"),
        world.api.post(f"{ONE}/commands", json={"commands": [create("a-1")]}),
        world.api.put(f"{ONE}/heartbeats/a", json={}),
        world.api.get("/api/studies/2/changes"),
        world.api.get("/api/studies?name=My+study"),
    ):
        problem(answer, 404)


def test_heartbeats_are_kept_by_the_caller(world: World) -> None:
    where = f"{ONE}/heartbeats/0a1b"
    assert world.api.get(where).json == {"beats": {}, "at": {}}
    beats = {"beats": {"3": 17}, "at": {"3": 1795476224.5}}
    fits("Heartbeats", beats)
    assert world.api.put(where, json={**beats, "format": 1}).status_code == 204
    assert world.api.get(where).json == beats
    assert world.api.get(f"{ONE}/heartbeats/other").json["beats"] == {}
    refused = world.api.put(where, json={"beats": {"x": 1}})
    assert fields(problem(refused, 422))
    assert fields(problem(world.api.get(f"{ONE}/heartbeats/A!"), 422)) == {"caller"}


FORM = "commands[0].changes.space.x"


def with_form(form: Any, value: Any = 0.5) -> dict[str, Any]:
    return create("a-1", changes={"hyperparameters": {"x": value}, "space": {"x": form}})


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ({"type": "Submit", "uid": "u", "spec": {}}, "commands[0].type"),
        ({"type": "TakeTrial", "number": 0}, "commands[0]"),
        ({"type": "TakeTrial", "number": "0", "by": "a-1"}, "commands[0].number"),
        ({"type": "TakeTrial", "number": 0, "by": "A B"}, "commands[0].by"),
        ({**create("a-1"), "key": "a-2"}, "commands[0].key"),
        (create("a-1", state="STOPPED"), "commands[0].state"),
        (create("a-1", started_at=1e300), "commands[0].started_at"),
        (create("a-1", note={"started_at": "x"}), "commands[0].note"),
        (create("a-1", values={"loss": 1.0}), "commands[0].values"),
        (end(0, "a-1", state="RUNNING"), "commands[0].state"),
        (end(0, "a-1", values={"objective": "nan"}), "commands[0].values.objective"),
        (set_to({"$json": "{"}), "commands[0].attributes.a"),
        (create("a-1", changes={"system": {"s": {"$json": 1}}}), "commands[0].changes.system.s"),
        (create("a-1", changes={"hyperparameters": {"x": 1}}), "commands[0].changes.space"),
        (
            create("a-1", changes={"reports": [{"step": 2**60, "values": {"objective": 1}}]}),
            "commands[0].changes.reports[0].step",
        ),
        (
            create("a-1", changes={"reports": [{"step": 1, "values": {"loss": 1}}]}),
            "commands[0].changes.reports[0].values",
        ),
        (with_form({"type": "normal"}), FORM),
        (with_form("float"), FORM),
        (with_form({**UNIT, "max": -1.0}), FORM),
        (with_form({**UNIT, "scale": "log"}), FORM),
        (with_form({**UNIT, "step": 0}), FORM),
        (with_form({**UNIT, "q": 1}), FORM),
        (with_form(UNIT, "a"), FORM),
        (with_form({"type": "int", "min": 0, "max": 1.5}, 1), FORM),
        (with_form({"type": "categorical", "choices": []}), FORM),
        (with_form({"type": "categorical", "choices": ["a"]}, "b"), FORM),
        (with_form({"type": "categorical", "choices": [["a"]]}, "a"), FORM),
        (with_form({"type": "categorical", "choices": ["{"], "json": [0]}, "{"), FORM),
        (with_form({"type": "categorical", "choices": ["1"], "json": [1]}, "1"), FORM),
    ],
)
def test_a_command_that_the_log_must_not_hold_is_refused(
    world: World, command: Any, wrong: str
) -> None:
    before = changes(world)
    answer = world.api.post(f"{ONE}/commands", json={"commands": [command]})
    fits("Problem", answer.json)
    assert fields(problem(answer, 422)) == {wrong}
    assert all(error["remedy"] for error in answer.json["errors"])
    assert changes(world) == before


@pytest.mark.parametrize("body", [1, [], {"commands": []}, {"commands": [], "x": 1}])
def test_a_body_without_commands_is_refused(world: World, body: Any) -> None:
    assert fields(problem(world.api.post(f"{ONE}/commands", json=body), 422))


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"name": 1, "directions": ["minimize"]}, {"name"}),
        ({"name": "s", "directions": []}, {"directions"}),
        ({"name": "s", "directions": ["up"]}, {"directions"}),
        ({"directions": "minimize", "x": 1}, {"name", "directions", "x"}),
    ],
)
def test_an_invalid_study_is_refused(world: World, body: Any, wrong: set[str]) -> None:
    assert fields(problem(world.api.post("/api/studies", json=body), 422)) == wrong


@pytest.fixture(scope="module")
def shared() -> World:
    return begun()


NUMBERS = st.sampled_from([0, 1, 2, -1, 0.5, 1e300, "1", "NaN", "", None, True])
FORMS = st.fixed_dictionaries(
    {"type": st.sampled_from(["float", "int", "categorical"])},
    optional={
        "min": NUMBERS,
        "max": NUMBERS,
        "step": NUMBERS,
        "scale": st.sampled_from(["log", "linear"]),
        "choices": st.lists(NUMBERS, max_size=3),
        "json": st.lists(st.integers(0, 2), max_size=2),
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    kind=st.sampled_from(["CreateTrial", "TakeTrial", "ChangeTrial", "EndTrial", "SetAttributes"]),
    form=FORMS | JSON,
    value=NUMBERS | JSON,
)
def test_accepted_commands_can_be_read(shared: World, kind: str, form: Any, value: Any) -> None:
    changed = {"hyperparameters": {"x": value}, "space": {"x": form}, "attributes": {"a": form}}
    report = {"reports": [{"step": 1, "values": {"objective": value}}]}
    key = f"a-{token_hex(8)}"
    for more in (
        *({}, {"changes": changed}, {"changes": report}, {"attributes": {"$json": value}}),
        *({"values": {"objective": value}}, {"note": form}, {"started_at": value}),
    ):
        command = {"type": kind, "number": 0, "by": key, "key": key, "revision": 1, **more}
        if kind == "CreateTrial":
            command = {k: v for k, v in command.items() if k not in ("number", "revision")}
        answer = shared.api.post(f"{ONE}/commands", json={"commands": [command]})
        assert answer.status_code in (200, 400, 404, 409, 422), answer.text
    answer = shared.api.post(f"{ONE}/commands", json={"commands": form})
    assert answer.status_code in (400, 422), answer.text
    study = shared.service.studies("default").log(1).read(Since())
    for trial in study.trials:
        frozen(trial, trial.number, study.study.objectives)


def test_studies_count_against_the_quota_of_their_namespace() -> None:
    world = World(quotas=Quotas(Quota(experiments=1, reports_per_second=1.0)))
    answers = [
        world.api.post("/api/studies", json={"name": name, "directions": ["minimize"]})
        for name in "ab"
    ]
    assert answers[0].status_code == 200
    assert fields(problem(answers[1], answers[1].status_code)) == {"quota.experiments"}
    assert [each["name"] for each in world.api.get("/api/studies").json["studies"]] == ["a"]
    reports = [{"step": step, "values": {"objective": 1}} for step in range(50)]
    send(world, create("a-1", changes={"reports": reports}))
    body = {"commands": [create("a-2", changes={"reports": reports[:1]})]}
    assert fields(problem(world.api.post(f"{ONE}/commands", json=body), 429)) == {
        "quota.reports_per_second"
    }
    assert [each["number"] for each in changes(world)["trials"]] == [0]


def test_a_namespace_that_stores_too_much_begins_no_study() -> None:
    world = World(quotas=Quotas(Quota(stored_bytes=1)))
    world.store.put("v1/default/other/x", b"more than that")
    answer = world.api.post("/api/studies", json={"name": "a", "directions": ["minimize"]})
    assert fields(problem(answer, 403)) == {"quota.stored_bytes"}
    assert world.api.get("/api/studies").json["studies"] == []


def study(world: World, name: str, key: str) -> Any:
    body = {"name": name, "directions": ["minimize"]}
    return world.api.post("/api/studies", json=body, headers={"Idempotency-Key": key})


def test_studies_of_the_same_key_do_not_show_each_others_trials() -> None:
    world = World()
    for number, name in enumerate("ab", 1):
        assert study(world, name, "k").json["number"] == number
        ended = [
            create(f"c-{each}", state="COMPLETE", values={"objective": number}) for each in range(3)
        ]
        sent = world.api.post(f"/api/studies/{number}/commands", json={"commands": ended})
        assert sent.status_code == 200
    pages = [world.api.get(f"/api/experiments/{name}/columns?limit=1").json for name in "ab"]
    assert [page["trials"]["values"] for page in pages] == [{"objective": [1]}, {"objective": [2]}]


def test_a_creation_that_comes_again_after_the_deletion_is_another_study(world: World) -> None:
    send(world, create("a-1"))
    uid = world.service.studies("default").log(1)._uid
    assert world.api.delete(ONE).status_code == 204
    again = study(world, "My study", "k")
    assert again.json["number"] == 2
    assert world.service.studies("default").log(2)._uid != uid
    assert world.api.get(f"{ONE}/changes").status_code == 404
    assert world.api.delete(ONE).status_code == 404
    assert world.api.get("/api/studies/2/changes").json["trials"] == []


def test_a_namespace_that_stores_too_much_gets_no_new_study_or_trial_of_one() -> None:
    world = World(quotas=Quotas(Quota(stored_bytes=20_000)))
    assert study(world, "a", "k").status_code == 200
    send(world, create("a-1"))
    world.store.put("v1/default/other/trials/u1/0/weights", b"w" * 20_000)
    full = World(world.store, world.launcher, world.quotas)
    assert fields(problem(study(full, "b", "l"), 403)) == {"quota.stored_bytes"}
    assert [each["name"] for each in full.api.get("/api/studies").json["studies"]] == ["a"]
    new = full.api.post(f"{ONE}/commands", json={"commands": [create("a-2")]})
    assert fields(problem(new, 403)) == {"quota.stored_bytes"}
    # Existing trials are still answered, and end.
    assert study(full, "a", "k").json["number"] == 1
    assert [each["number"] for each in send(full, create("a-1"))["named"]] == [0]
    assert send(full, end(0, "a-3", values={"objective": 1}))["named"][0]["state"] == "COMPLETE"


def test_the_log_says_who_created_and_deleted_a_study(world: World) -> None:
    gate = Gate(lambda _: Actor("ann"), Unrestricted())
    api = world.client("api", gate)
    body = {"name": "hers", "directions": ["minimize"]}
    number = api.post("/api/studies", json=body).json["number"]
    assert world.service.experiment("default", "hers").spec["study"]["number"] == number
    (change,) = api.get("/api/experiments/hers/audit").json["changes"]
    assert change["actor"] == "ann"
