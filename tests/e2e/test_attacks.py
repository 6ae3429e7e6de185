"""Attacks on a running service by those who reach it: paths, headers, events, tokens, bodies.

Each takes the way of an attacker: bytes on a connection to `tunelet up`.
"""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import urllib3

from functions.api.route import SCOPE, Route, paths
from functions.api.routes import ROUTES
from functions.identity.rights import Entry
from tests.e2e.conftest import Up

SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
WORKERS = {
    "parallel_trials": 100,
    "model_training_code": {"workers": True},
    "hyperparameters": SPACE,
    "max_trials": 100,
}
TRIAL = [route for route in ROUTES if route.access is Entry.TRIAL and route.scoped]
REPORT = {"step": 1, "values": {"objective": 1}}
SECRET = "hunter2"


class Answer:
    """Bytes that a connection brought back, as a browser would split them."""

    def __init__(self, told: bytes) -> None:
        head, _, self.body = told.partition(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1])
        self.headers = head.split(b"\r\n")[1:]

    @property
    def names(self) -> set[bytes]:
        return {line.partition(b":")[0].lower() for line in self.headers}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    one = Up(tmp_path_factory.mktemp("attacks") / "data")
    for namespace, name in (("a", "mine"), ("a", "other"), ("b", "mine"), ("b", "theirs")):
        told = call(
            one, "POST", f"/api/namespaces/{namespace}/submit_job", {**WORKERS, "name": name}
        )
        assert told.status == 200, told.data
    yield one
    one.close()


def call(
    service: Up, method: str, path: str, body: object = None, **headers: str
) -> urllib3.BaseHTTPResponse:
    sent = None if body is None else json.dumps(body)
    given = {"Content-Type": "application/json", **headers} if sent is not None else headers
    return urllib3.request(
        method, service.url + path, body=sent, headers=given, retries=False, timeout=60
    )


def raw(service: Up, sent: bytes) -> Answer:
    port = int(service.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        told = b""
        while piece := connection.recv(1 << 16):
            told += piece
    return Answer(told)


def get(service: Up, target: bytes, *headers: bytes) -> Answer:
    lines = [b"GET " + target + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *headers]
    return raw(service, b"\r\n".join(lines) + b"\r\n\r\n")


def taken(service: Up, namespace: str, name: str) -> dict[str, Any]:
    """A trial that a worker has, with its token."""
    path = f"/api/namespaces/{namespace}/experiments/{name}/trials/ask"
    told = json.loads(call(service, "POST", path, {"lease_seconds": 600}).data)
    found: dict[str, Any] = told["trials"][0]
    return found


ESCAPES = (
    *("..", "../..", "../../secret", "..%2f..%2fsecret", "%2e%2e/secret", "..%5c..%5csecret"),
    *("/etc/passwd", "%2fetc%2fpasswd", "....//secret", ".tunelet/mark", "a/./b", "a//b", "%00"),
    *("..%c0%af", "..%252fsecret", "~root", "file:///etc/passwd", "a" * 3000),
)


@pytest.mark.parametrize("written", ESCAPES)
def test_no_path_leads_out_of_what_it_names(service: Up, written: str) -> None:
    secret = (service.data / "secret").read_bytes()
    for template in (
        "/api/experiments/{}",
        "/api/namespaces/{}/experiments",
        "/api/namespaces/a/experiments/{}/trials",
        "/api/namespaces/a/experiments/mine/trials/{}",
        "/api/namespaces/a/experiments/mine/trials/0/artifact?name={}",
        "/api/namespaces/a/experiments/mine/trials/0/artifacts?after={}",
        "/api/docs/{}",
        "/api/dead-letters/{}",
        "/{}",
    ):
        told = get(service, template.format(written).encode())
        listed = "artifacts?after" in template and told.status == 200
        assert listed or 300 <= told.status < 500, (template, told.status)
        assert secret not in told.body
        assert b"root:" not in told.body
        if listed:
            assert json.loads(told.body) == {"artifacts": [], "next": None}


@pytest.mark.parametrize("line_end", ["%0d%0a", "%0a", "%0d", "%E5%98%8A%E5%98%8D", "\r", "\n"])
def test_no_value_of_a_request_becomes_a_header_of_the_answer(service: Up, line_end: str) -> None:
    evil = f"x{line_end}Set-Cookie:{line_end} a=1"
    for target in (
        f"/api/experiments/{evil}",
        f"/api/experiments?after={evil}",
        f"/api/namespaces/{evil}/experiments",
        f"/api/namespaces/a/experiments/mine/trials/0/artifact?name={evil}",
        f"/api/docs/{evil}",
        f"/{evil}",
    ):
        told = get(service, target.replace(" ", "%20").encode())
        assert b"set-cookie" not in told.names
        assert told.status >= 400
    for header in (f"Range: bytes=0-{evil}", f"Idempotency-Key: {evil}", f"traceparent: {evil}"):
        told = get(service, b"/api/namespaces/a/experiments/mine/trials", header.encode())
        assert b"set-cookie" not in told.names


def test_a_page_or_script_in_a_request_comes_back_as_data(service: Up) -> None:
    evil = quote("<script>alert(1)</script>")
    for target in (f"/{evil}", f"/api/experiments/{evil}", f"/api/experiments?after={evil}"):
        told = get(service, target.encode())
        assert any(
            b"json" in each for each in told.headers if each.lower().startswith(b"content-t")
        )
        assert b"x-content-type-options" in told.names


def test_a_line_of_the_log_is_never_the_callers(service: Up) -> None:
    forged = '{"severity": "ERROR", "message": "forged"}'
    for target in (f"/api/experiments/x%0a{quote(forged)}", f"/%0a{quote(forged)}"):
        get(service, target.encode())
    event = {
        "specversion": "1.0",
        "id": f"1\n{forged}",
        "source": f"\n{forged}",
        "subject": "a/b/0/1",
    }
    call(service, "POST", "/api/events", event, **{"Content-Type": "application/cloudevents+json"})
    for line in service.output.read_text().splitlines():
        if line.startswith("{"):
            assert json.loads(line).get("message") != "forged"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 200_000, 400),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b'{"max_trials": ' + b"9" * 500_000 + b"}", 400),
        (b'{"max_seconds": 1e999}', 400),
        (b'{"hyperparameters": {"x": {"type": "float", "min": -1e308, "max": 1e308}}}', 422),
        (b'{"a": "\\ud800"}', 400),
        (b'{"a": 1, "a": 2}', 400),
        (b"\xff\xfe", 400),
        (b"a: &a [*a]", 400),
        (b"x: !!python/object/apply:os.system [id]", 400),
    ],
)
def test_a_bomb_is_refused_at_once_and_the_next_request_is_answered(
    service: Up, body: bytes, status: int
) -> None:
    head = b"POST /api/submit_job HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    told = raw(service, head + body)
    assert told.status == status
    assert json.loads(told.body)["errors"]
    assert get(service, b"/api/health").status == 200


def test_yaml_is_no_language_of_the_service(service: Up) -> None:
    for media in ("application/yaml", "text/yaml", "application/x-yaml", "text/plain", "x/y+json"):
        told = call(service, "POST", "/api/submit_job", {}, **{"Content-Type": media})
        assert told.status == 415


GUESSES = (
    *("", "x", "1.", "1." + "0" * 64, "99999999999." + "0" * 64, "-1." + "0" * 64, "٣." + "0" * 64),
    *("null", "1.é", "0" * 5000),
)


def trial_path(route: Route, namespace: str, name: str, number: int) -> str:
    (template,) = (each for each in paths(route) if SCOPE in each)
    return template.format(namespace=namespace, name=name, number=number)


@pytest.mark.parametrize("route", TRIAL, ids=lambda route: route.path.rpartition("/")[2])
def test_a_token_is_neither_guessed_nor_good_for_any_other_trial(service: Up, route: Route) -> None:
    """Every route of trials is in the table, so a new one is tried too."""
    mine, elsewhere = taken(service, "a", "mine"), taken(service, "a", "mine")
    taken(service, "b", "mine"), taken(service, "a", "other")
    own = trial_path(route, "a", "mine", mine["number"])
    for guess in GUESSES:
        header = f"Authorization: Bearer {guess}".encode()
        body = b"{}"
        sent = b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" % own.encode()
        sent += b"Content-Type: application/json\r\nContent-Length: 2\r\n"
        assert raw(service, sent + header + b"\r\n\r\n" + body).status in (401, 403), guess
    bearer = {"Authorization": f"Bearer {mine['token']}"}
    for other in (
        trial_path(route, "a", "mine", elsewhere["number"]),
        trial_path(route, "a", "other", 0),
        trial_path(route, "b", "mine", mine["number"]),
        trial_path(route, "b", "mine", 0) if mine["number"] else own.replace("/a/", "/b/"),
    ):
        assert call(service, "POST", other, _body(route), **bearer).status in (403, 404), other
    assert call(service, "POST", own, _body(route), **bearer).status in (200, 204, 409)


def _body(route: Route) -> Any:
    bodies = {
        "Reports": REPORT,
        "Outcome": {"state": "COMPLETE", "values": {"objective": 1}},
        "Release": {},
        "Output": {"output": "x"},
    }
    return bodies[route.body or ""]


def event(kind: str, subject: str, token: str | None, **data: Any) -> dict[str, Any]:
    shown = {"token": token, **data} if token is not None else data
    about = {"specversion": "1.0", "id": "1", "source": "/x", "type": kind, "subject": subject}
    return {**about, "data": shown}


def send(service: Up, sent: Any) -> int:
    media = {"Content-Type": "application/cloudevents+json"}
    return call(service, "POST", "/api/events", sent, **media).status


def test_a_forged_event_changes_nothing(service: Up) -> None:
    mine, theirs = taken(service, "a", "mine"), taken(service, "b", "theirs")
    before = trial(service, "b", "theirs", theirs["number"])
    subject = f"b/theirs/{theirs['number']}/1"
    good = {"state": "COMPLETE", "values": {"objective": 0}}
    for kind in ("reported", "completed", "failed"):
        body = REPORT if kind == "reported" else {} if kind == "failed" else good
        for token in (None, "", "1." + "0" * 64, mine["token"]):
            assert send(service, event(f"dev.tunelet.trial.{kind}", subject, token, **body)) in (
                403,
                422,
            )
    for kind in (
        "dev.tunelet.sweep.requested",
        "dev.tunelet.launch.requested",
        "dev.tunelet.suggest.requested",
        "dev.tunelet.run.changed",
        "dev.tunelet.experiment.finished",
        "dev.knative.apiserver.resource.delete",
        "dev.knative.sources.ping",
    ):
        assert send(service, event(kind, subject, theirs["token"])) == 422, kind
    assert trial(service, "b", "theirs", theirs["number"]) == before


def test_a_replayed_event_changes_nothing(service: Up) -> None:
    mine = taken(service, "a", "other")
    subject, kind = f"a/other/{mine['number']}/{mine['attempt']}", "dev.tunelet.trial"
    done = event(f"{kind}.completed", subject, mine["token"], values={"objective": 1})
    assert send(service, done) == 200
    after = trial(service, "a", "other", mine["number"])
    assert after["state"] == "COMPLETE"
    for again in (
        done,
        event(f"{kind}.completed", subject, mine["token"], values={"objective": -1}),
        event(f"{kind}.failed", subject, mine["token"]),
        event(f"{kind}.reported", subject, mine["token"], step=9, values={"objective": -1}),
    ):
        assert send(service, again) in (200, 422, 409)
    assert trial(service, "a", "other", mine["number"]) == after


def trial(service: Up, namespace: str, name: str, number: int) -> dict[str, Any]:
    path = f"/api/namespaces/{namespace}/experiments/{name}/trials/{number}"
    found: dict[str, Any] = json.loads(call(service, "GET", path).data)
    return found


def test_an_experiment_learns_from_none_of_another_namespace(service: Up) -> None:
    for name in ("theirs", "b/theirs", "../b/theirs"):
        request = {**WORKERS, "name": "deputy", "warm_start": [{"name": name}]}
        told = call(service, "POST", "/api/namespaces/a/submit_job", request)
        assert told.status == 422
        assert b"warm_start" in told.data
    request = {**WORKERS, "name": "deputy", "namespace": "b"}
    told = call(service, "POST", "/api/namespaces/a/submit_job", request)
    assert told.status == 422
    assert call(service, "GET", "/api/namespaces/b/experiments/deputy").status == 404


def test_no_secret_of_a_request_is_repeated_or_logged(service: Up) -> None:
    code = {
        "image": "i",
        "command": [SECRET],
        "args": [SECRET],
        "env": {"TUNELET_X": SECRET, f"{SECRET}=1": SECRET},
        "volumes": [{"name": SECRET, "hostPath": {"path": SECRET}}],
        "security_context": {"seccompProfile": {"type": SECRET}},
        "unknown": SECRET,
    }
    commands = {"image": "", "command": [SECRET]}
    manifest = {"apiVersion": SECRET, "kind": "Job", "spec": {"podSpecPatch": SECRET}}
    for given in (code, commands, manifest, {"manifest": manifest, "x": SECRET}, [SECRET]):
        request = {**WORKERS, "model_training_code": given}
        told = call(service, "POST", "/api/submit_job", request)
        assert told.status == 422
        assert SECRET.encode() not in told.data, told.data
    bearer = {"Authorization": f"Bearer {SECRET}"}
    path = "/api/namespaces/a/experiments/mine/trials/0/reports"
    assert SECRET.encode() not in call(service, "POST", path, REPORT, **bearer).data
    assert SECRET not in service.output.read_text()
    token = taken(service, "a", "mine")["token"]
    assert token not in service.output.read_text()


def test_no_field_of_a_request_is_an_address_that_the_service_would_call(service: Up) -> None:
    """A webhook, or the URL of a store, would be one: it needs a check of its own."""
    document = json.loads(call(service, "GET", "/api/openapi.json").data)

    def names(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for name, child in node.get("properties", {}).items():
                if isinstance(child, dict) and child.get("format") in ("uri", "url", "hostname"):
                    yield name
                if {"url", "uri", "webhook", "endpoint", "host"} & {*name.lower().split("_")}:
                    yield name
            for child in node.values():
                yield from names(child)
        elif isinstance(node, list):
            for child in node:
                yield from names(child)

    answers = {"checkpoint_url", "authorization_endpoint"}
    # The issuer gets this one from the service, and compares it with those that it knows.
    passed_on = {"redirect_uri"}
    assert set(names(document["components"]["schemas"])) == answers | passed_on
