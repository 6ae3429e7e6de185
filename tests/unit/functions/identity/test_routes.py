"""Every route, for every role, in the role's own namespace and in another one."""

from http import HTTPStatus
from itertools import product
from typing import Any, get_type_hints

import pytest
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request

from functions.api.route import Route, paths
from functions.api.routes import ROUTES
from functions.identity.actor import Actor
from functions.identity.gate import Gate
from functions.identity.rights import Access, Entry, Right
from functions.identity.roles import RIGHTS, Grant, Role, Roles
from functions.problem import Refused
from tests.unit.functions.conftest import SMALLEST, World
from tunelet.errors import Retry

OWN, FOREIGN = "own", "foreign"
EVENT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/t", "ce-type": "dev.tunelet.x"}
BODIES: dict[str, Any] = {
    "Request": {**SMALLEST, "name": "another"},
    "Changes": {"max_trials": 50},
    "Enqueue": {"trials": [{"x": 0.5}]},
    "Note": {"note": "hello"},
    "LabelChanges": {"team": "vision"},
    "Import": {"trials": [{"hyperparameters": {"x": 0.5}, "values": {"objective": 1}}]},
    "Reports": {"step": 1, "values": {"objective": 1}},
    "Outcome": {"state": "COMPLETE", "values": {"objective": 1}},
    "Release": {},
    "Output": {"output": "hello"},
    "Ask": {},
    "NewStudy": {"name": "another", "directions": ["minimize"]},
    "StudyCommands": {"commands": [{"type": "SetAttributes", "attributes": {"a": 1}}]},
    "Heartbeats": {"beats": {"0": 1}},
    "Exchange": {"refresh_token": "x"},
}
ADMITTED = {"ask": 409, "artifact": 404, "output": 409, "retry": 409}
ADMITTED |= {"page_login": 404, "page_token": 404}
"""Where an admitted call meets a state that does not allow it."""
SCOPED = [route for route in ROUTES if isinstance(route.access, Right) and route.scoped]


def known(request: Request) -> Actor:
    name = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if name not in [*Role, "stranger"]:
        raise Refused(HTTPStatus.UNAUTHORIZED, "who are you?")
    return Actor(name)


LOGIN = {"issuer": "https://issuer.example", "client_id": "c", "scope": "openid", "audience": ""}
GATE = Gate(known, Roles([Grant(role, [OWN], actors=[role]) for role in Role]), LOGIN)


@pytest.fixture
def guarded() -> World:
    world = World()
    for namespace in (OWN, FOREIGN):
        world.running(namespace=namespace)
        world.service.studies(namespace).create("study", ["minimize"])
        event = {**EVENT, "ce-subject": f"{namespace}/digits"}
        world.service.dead.keep(event, b"", namespace=namespace)
    world.api = world.client("api", GATE)
    return world


def call(api: Client, route: Route, path: str, bearer: str | None, **values: str) -> TestResponse:
    named = {"name": "digits", "number": "0", "study": "1", "caller": "a"}
    filled = path.format(**named | {"asset": "swagger-ui.css"} | values)
    query = {"name": "m.bin"} if filled.endswith("/artifact") else None
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    body = BODIES.get(route.body or "")
    return api.open(filled, method=route.method, query_string=query, headers=headers, json=body)


def ids(value: object) -> str | None:
    return f"{value.method} {value.path}" if isinstance(value, Route) else None


def in_scope(route: Route) -> str:
    return paths(route)[-1]


@pytest.mark.parametrize(("route", "role"), list(product(SCOPED, [*Role, "stranger"])), ids=ids)
def test_a_role_admits_to_its_own_namespace_only(guarded: World, route: Route, role: str) -> None:
    assert isinstance(route.access, Right)
    answer = call(guarded.api, route, in_scope(route), role, namespace=OWN)
    if role == "stranger":
        assert answer.status_code == 404
    elif route.access in RIGHTS[Role(role)]:
        assert answer.status_code == ADMITTED.get(route.endpoint.__name__, route.status)
    else:
        assert answer.status_code == 403
        assert f"{route.access.verb} {route.access.resource}" in answer.json["errors"][0]["remedy"]
    for other in (FOREIGN, "default", "absent"):
        answer = call(guarded.api, route, in_scope(route), role, namespace=other)
        assert answer.status_code == 404
        assert other in answer.json["detail"]


@pytest.mark.parametrize("route", SCOPED, ids=ids)
def test_without_a_namespace_in_the_path_the_right_is_needed_in_the_default_one(
    guarded: World, route: Route
) -> None:
    guarded.running()
    for role in Role:
        assert call(guarded.api, route, paths(route)[0], role).status_code == 404


@pytest.mark.parametrize("route", [each for each in SCOPED if "{name}" in each.path], ids=ids)
def test_an_unseen_experiment_is_answered_as_an_absent_one(guarded: World, route: Route) -> None:
    """The own one is absent, the foreign one exists."""
    path = in_scope(route)
    absent = call(guarded.api, route, path, "admin", namespace=OWN, name="nothing")
    unseen = call(guarded.api, route, path, "admin", namespace=FOREIGN)
    assert unseen.status_code == absent.status_code == 404
    swapped = absent.text.replace(OWN, FOREIGN).replace("nothing", "digits")
    assert unseen.text == swapped
    assert dict(unseen.headers) == dict(absent.headers) | {
        "Content-Length": unseen.headers["Content-Length"]
    }


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if each.access not in (Entry.OPEN, Entry.TRIAL)], ids=ids
)
def test_a_call_without_a_known_actor_is_unauthorized(guarded: World, route: Route) -> None:
    for path, bearer in product(paths(route), (None, "nonsense")):
        answer = call(guarded.api, route, path, bearer, namespace=OWN, letter="x")
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if each.access is Entry.TRIAL and each.scoped], ids=ids
)
def test_a_trials_routes_accept_its_token_and_no_actor(guarded: World, route: Route) -> None:
    path = in_scope(route)
    assert call(guarded.api, route, path, "admin", namespace=OWN).status_code == 404
    assert call(guarded.api, route, path, None, namespace=OWN).status_code == 401
    token = guarded.token("digits", 0, FOREIGN)
    wrong = call(guarded.api, route, path, token, namespace=OWN)
    absent = call(guarded.api, route, path, token, namespace=OWN, name="nothing")
    assert (wrong.status_code, absent.status_code) == (404, 404)
    assert wrong.text == absent.text.replace("nothing", "digits")
    answer = call(guarded.api, route, path, token, namespace=FOREIGN)
    assert answer.status_code == ADMITTED.get(route.endpoint.__name__, route.status)


@pytest.mark.parametrize("route", [each for each in ROUTES if each.access is not Entry.TRIAL])
def test_a_trials_token_opens_no_other_route(guarded: World, route: Route) -> None:
    token = guarded.token("digits", 0, OWN)
    answer = call(guarded.api, route, in_scope(route), token, namespace=OWN, letter="x")
    open_to_all = ADMITTED.get(route.endpoint.__name__, 200)
    assert answer.status_code == (open_to_all if route.access is Entry.OPEN else 401)


@pytest.mark.parametrize("route", [each for each in ROUTES if not each.scoped], ids=ids)
def test_an_unscoped_route_shows_every_role_its_own_namespace_only(
    guarded: World, route: Route
) -> None:
    if route.access is Entry.TRIAL:
        return  # events name their trials one by one, and need its token
    letters = {each.headers["ce-subject"]: each.id for each in guarded.service.dead.newest()[0]}
    own, foreign = letters[f"{OWN}/digits"], letters[f"{FOREIGN}/digits"]
    for role in Role:
        answer = call(guarded.api, route, paths(route)[0], role, letter=foreign)
        if "{letter}" in route.path:
            assert answer.status_code == 404
            assert isinstance(route.access, Right)
            expected = 200 if route.access in RIGHTS[role] else 403
            answer = call(guarded.api, route, paths(route)[0], role, letter=own)
            assert answer.status_code == expected
        else:
            assert answer.status_code == ADMITTED.get(route.endpoint.__name__, 200)
            assert foreign not in answer.text
            assert (own in answer.text) == (route.path == "/dead-letters")


def test_a_letter_that_only_claims_a_namespace_is_not_shown_there(guarded: World) -> None:
    letter = guarded.service.dead.keep({**EVENT, "ce-subject": f"{OWN}/digits"}, b"")
    headers = {"Authorization": "Bearer admin"}
    assert letter.id not in guarded.api.get("/api/dead-letters", headers=headers).text
    for path in (f"/api/dead-letters/{letter.id}", f"/api/dead-letters/{letter.id}/replay"):
        method = "POST" if path.endswith("replay") else "GET"
        assert guarded.api.open(path, method=method, headers=headers).status_code == 404


def test_a_page_of_dead_letters_names_no_namespace_that_is_not_the_callers(guarded: World) -> None:
    for id_ in "abc":
        for namespace in (OWN, FOREIGN):
            event = {**EVENT, "ce-id": id_, "ce-subject": f"{namespace}/digits"}
            guarded.service.dead.keep(event, b"", namespace=namespace)
    shown, link = list[str](), "/api/dead-letters?limit=1"
    while link:
        answer = guarded.api.get(link, headers={"Authorization": "Bearer admin"}).json
        assert FOREIGN not in str(answer)
        shown += [each["id"] for each in answer["dead_letters"]]
        link = answer["next"]
    assert len(shown) == len(set(shown)) == 4


def test_a_submission_needs_the_right_in_the_namespace_that_its_body_names(
    guarded: World,
) -> None:
    for named, status in [(OWN, 200), (FOREIGN, 404), (None, 404)]:
        body = BODIES["Request"] | ({"namespace": named} if named else {})
        headers = {"Authorization": "Bearer editor"}
        answer = guarded.api.post("/api/submit_job", json=body, headers=headers)
        assert answer.status_code == status
    assert [each.name for each in guarded.service.experiments(FOREIGN)[0]] == ["digits", "study"]


def test_no_other_body_can_name_a_namespace(guarded: World) -> None:
    for route in ROUTES:
        assert route.namespace_in_body == (route.path == "/submit_job")


def test_a_route_cannot_be_made_without_its_access() -> None:
    assert get_type_hints(Route)["access"] == Access
    assert "access" not in Route._field_defaults
    with pytest.raises(TypeError, match="access"):
        Route(method="GET", path="/x", endpoint=ROUTES[0].endpoint, answer=None)  # type: ignore[call-arg]


def test_an_event_with_a_wrong_token_is_answered_as_of_an_absent_experiment(
    guarded: World,
) -> None:
    texts = []
    for name in ("digits", "nothing"):
        subject = {"ce-subject": f"{OWN}/{name}/0/1", "ce-type": "dev.tunelet.trial.reported"}
        headers = {**EVENT, **subject, "Authorization": "Bearer 1.0"}
        answer = guarded.api.post("/api/events", json=BODIES["Reports"], headers=headers)
        assert answer.status_code == 404
        texts.append(answer.text.replace(name, "…"))
    assert len(set(texts)) == 1


def test_where_no_identity_is_configured_every_call_is_admitted(world: World) -> None:
    world.running()
    assert world.api.get("/api/experiments/digits").status_code == 200
    assert world.api.get("/api/algorithms").status_code == 200


def test_strangers_do_not_learn_why_the_service_is_not_ready(
    guarded: World, caplog: pytest.LogCaptureFixture
) -> None:
    guarded.store.fault = Retry("s3://secret-bucket does not answer")
    answer = guarded.api.get("/api/ready")
    assert answer.status_code == 503
    assert "secret-bucket" not in answer.text
    assert "secret-bucket" in caplog.text
