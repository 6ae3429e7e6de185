"""The time to read any input grows no faster than its size.

Compared are the processor's times for a text and for one eight times as long: linear reading
takes about eight times as long, quadratic reading 64 times.
"""

import gc
import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import click
import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request

from adapters.events.cloudevents import BATCH, STRUCTURED, parse_all
from functions.wiring import function
from tests.unit.functions.conftest import World
from tests.unit.tunelet.core.test_decide import LOST, Story
from tunelet.cli import enqueue, request
from tunelet.core import commands as c
from tunelet.core.trial import Report
from tunelet.errors import Reject
from tunelet.text.strict_json import NotJson, decode

Text = Callable[[int], str]

TIMES = 8
QUADRATIC = 24.0
"""Growth above this, for eight times the input, is more than linear. Quadratic growth is 64; a
busy machine makes linear growth look like up to twice what it is."""
LEAST_SECONDS = 0.005
"""What takes less is counted as this: it cannot be measured."""


def growth(read: Callable[[Any], object], text: Callable[[int], Any], size: int = 2500) -> float:
    """How many times as long an input takes that is `TIMES` as long: the least of three looks."""
    small, large = text(size), text(size * TIMES)
    found = []
    for _ in range(3):
        found.append(_seconds(read, large) / max(_seconds(read, small), LEAST_SECONDS))
        if found[-1] < QUADRATIC:
            break
    return min(found)


def _seconds(read: Callable[[Any], object], given: Any) -> float:
    gc.disable()
    begun = time.process_time()
    with suppress(NotJson, Reject, click.ClickException):
        read(given)
    gc.enable()
    return time.process_time() - begun


def names(count: int, *more: str) -> str:
    """An object of many members, the last of them as given."""
    return "{" + ",".join([*(f'"n{n}":{n}' for n in range(count)), *more]) + "}"


JSON: dict[str, Text] = {
    "many names": names,
    "the last name twice": lambda n: names(n, '"z":1', '"z":1'),
    "the first name twice": lambda n: names(n, '"n0":1'),
    "every name twice": lambda n: names(n, names(n)[1:-1]),
    "many objects": lambda n: "[" + '{"a":1,"b":1},' * n + '{"a":1,"a":1}]',
    "nested": lambda n: "[" * n,
    "nested as deep as may be": lambda n: ("[" * 60 + "]" * 60 + ",") * (n // 100),
    "a large integer": lambda n: "9" * n * 10,
    "a long fraction": lambda n: "0." + "9" * n * 10,
    "a long name": lambda n: json.dumps({"a" * n * 10: 1}),
    "surrogates": lambda n: json.dumps("\U0001f600" * n),
    "half a surrogate": lambda n: '"' + "\\ud83d\\ude00" * n + '\\ud800"',
    "blanks": lambda n: " " * n * 10 + "{",
}


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_json(text: Text) -> None:
    assert growth(lambda data: decode(data.encode()), text) < QUADRATIC


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_events_in_structured_mode(text: Text) -> None:
    def event(n: int) -> bytes:
        data = text(n)
        return f'{{"specversion":"1.0","id":"1","source":"/a","type":"b","data":{data}}}'.encode()

    headers = {"Content-Type": STRUCTURED}
    assert growth(lambda body: parse_all(headers, body), event) < QUADRATIC


def test_events_in_binary_mode() -> None:
    given = {f"ce-{name}": "1.0" for name in ("specversion", "id", "source", "type")}

    def headers(n: int) -> dict[str, str]:
        return given | {f"ce-n{each}": "x" for each in range(n)}

    assert growth(lambda sent: parse_all(sent, b"{}"), headers) < QUADRATIC
    binary = {**given, "content-type": "application/json"}
    twice = JSON["the last name twice"]
    assert growth(lambda body: parse_all(binary, body), lambda n: twice(n).encode()) < QUADRATIC


@pytest.mark.parametrize("each", ["{}", "[]", '{"a":1,"a":1}', '{"id":"1"}'])
def test_batches_of_events(each: str) -> None:
    def batch(n: int) -> bytes:
        return f"[{','.join([each] * n)}]".encode()

    headers = {"Content-Type": BATCH}
    assert growth(lambda body: parse_all(headers, body), batch) < QUADRATIC


YAML: dict[str, Text] = {
    "many names": lambda n: "\n".join(f"n{each}: 1" for each in range(n)),
    "a name twice": lambda n: "\n".join([*(f"n{each}: 1" for each in range(n)), "n0: 1"]),
    "every name twice": lambda n: "\n".join([f"n{each}: 1" for each in range(n)] * 2),
    "a list in a line": lambda n: "[" + "a, " * n + "]",
    "nested": lambda n: "[" * n,
    "nested by indents": lambda n: "- " * n,
    "aliases": lambda n: "a: &a [x]\nb: [" + ", ".join(["*a"] * n) + "]",
    "aliases of aliases": lambda n: (
        "a0: &a0 [x]\n"
        + "\n".join(f"a{each + 1}: &a{each + 1} [*a{each}, *a{each}]" for each in range(n // 10))
    ),
    "a long line": lambda n: "a: " + "b " * n * 10,
    "many lines of one text": lambda n: "a: b\n" + "  c\n" * n,
    "a quoted text": lambda n: 'a: "' + "\\u0041 " * n + '"',
    "remarks": lambda n: "# a\n" * n + "a: 1",
    "a large integer": lambda n: "a: " + "9" * n * 10,
    "questions": lambda n: "? a\n" * n,
    "documents": lambda n: "---\n" * n,
}


@pytest.mark.parametrize("text", YAML.values(), ids=YAML)
def test_yaml(text: Text) -> None:
    assert growth(lambda given: request.parse(given, "request.yaml"), text, 500) < QUADRATIC


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_json_at_the_command_line(text: Text) -> None:
    assert growth(lambda given: request.parse(given, "r"), lambda n: '{"a":' + text(n)) < QUADRATIC
    assert growth(lambda given: request.put({}, f"a={given}"), text) < QUADRATIC


def test_lists_of_trials_at_the_command_line() -> None:
    def lines(n: int) -> str:
        return "\n".join(['{"a": 1}'] * n)

    assert growth(lambda given: enqueue.trials(given, "t"), lines) < QUADRATIC


def _objects(n: int) -> list[Any]:
    return [{"a": {}}] * n


BODIES: dict[str, tuple[str, Callable[[int], Any]]] = {
    "submit: unknown members": ("submit_job", lambda n: {f"n{each}": 1 for each in range(n)}),
    "submit: hyperparameters": (
        "submit_job",
        lambda n: {"hyperparameters": {f"n{each}": {"type": "ant"} for each in range(n)}},
    ),
    "submit: a list": ("submit_job", lambda n: {"enqueue": _objects(n)}),
    "enqueue": ("experiments/digits/trials", lambda n: {"trials": _objects(n)}),
    "enqueue: a large trial": (
        "experiments/digits/trials",
        lambda n: {"trials": [{f"n{each}": 1 for each in range(n)}]},
    ),
    "extend": ("experiments/digits", lambda n: {f"n{each}": 1 for each in range(n)}),
    "reports": (
        "experiments/digits/trials/0/reports",
        lambda n: {"reports": [{"step": each, "values": 1} for each in range(n)]},
    ),
    "a report": (
        "experiments/digits/trials/0/reports",
        lambda n: {"step": 1, "values": {f"n{each}": "x" for each in range(n)}},
    ),
    "an outcome": (
        "experiments/digits/trials/0/outcome",
        lambda n: {"state": "x", "values": {f"n{each}": "x" for each in range(n)}},
    ),
}


@pytest.fixture(scope="module")
def served() -> tuple[Client, str]:
    """The API with room for bodies of any size, and the token of a trial that runs."""
    world = World()
    world.running()
    answer = function("api", world.service, world.outbox, 1 << 26)
    return Client(Request.application(answer)), world.token("digits", 0)


@pytest.mark.parametrize(("path", "body"), BODIES.values(), ids=BODIES)
def test_bodies_that_are_refused(
    served: tuple[Client, str], path: str, body: Callable[[int], Any]
) -> None:
    client, token = served
    method = "PATCH" if path == "experiments/digits" else "POST"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def send(data: bytes) -> None:
        answer = client.open(f"/api/{path}", method=method, data=data, headers=headers)
        assert 400 <= answer.status_code < 500

    assert growth(send, lambda n: json.dumps(body(n)).encode(), 1000) < QUADRATIC


def test_query_strings_and_headers(served: tuple[Client, str]) -> None:
    client, _ = served

    def ask(query: str) -> None:
        assert client.get(f"/api/experiments?{query}").status_code == 422

    for query in ("a=1&", "limit=1&", "%41"):
        assert growth(ask, query.__mul__) < QUADRATIC, query
    assert growth(ask, lambda n: "&".join(f"a{each}=1" for each in range(n))) < QUADRATIC

    def send(headers: dict[str, str]) -> None:
        assert client.get("/api/experiments", headers=headers).status_code in (200, 422)

    for name in ("Authorization", "Content-Type", "Cookie", "Idempotency-Key", "traceparent"):
        for text in ("a", "; a=", '"'):
            assert growth(send, partial(_header, name, text)) < QUADRATIC, (name, text)


def _header(name: str, text: str, count: int) -> dict[str, str]:
    return {name: text * count}


def test_paths(served: tuple[Client, str]) -> None:
    client, _ = served

    def ask(path: str) -> None:
        assert client.get(f"/api/{path}").status_code in (404, 422)

    for part in ("a/", "a", "%2f", "experiments/", "{"):
        assert growth(ask, part.__mul__) < QUADRATIC, part


@pytest.mark.parametrize("order", ["ascending", "descending", "of two attempts"])
def test_reports_of_one_trial_that_come_one_by_one(order: str) -> None:
    def report(count: int) -> None:
        story = Story().suggested(0)
        attempt = 1
        if order == "of two attempts":
            steps = tuple(Report(step, {"objective": 1.0}) for step in range(count))
            story.does(c.Record(0, 1, steps), c.Finish(0, 1, LOST), c.Start(0, 2))
            attempt = 2
        for step in range(count)[:: -1 if order == "descending" else 1]:
            story.does(c.Record(0, attempt, (Report(step, {"objective": 1.0}, attempt),)))
        assert len(story.trial(0).reports) == count

    assert growth(report, int, 150) < QUADRATIC
