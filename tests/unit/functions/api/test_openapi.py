"""The description of the API is valid, complete, and true of real answers."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from functions.api.routes import ROUTES, description, paths
from tests.unit.functions.conftest import World

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMED = st.dictionaries(
    st.sampled_from(
        [
            *("name", "namespace", "model_training_code", "hyperparameters", "hpo_algorithm"),
            *("objective", "objectives", "metrics", "max_trials", "seed", "labels", "enqueue"),
            *("max_seconds", "step", "values", "reports", "state", "trials", "reason", "x"),
            *("type", "min", "max", "choices", "log", "when", "image", "manifest", "settings"),
            *("specversion", "id", "source", "subject", "data"),
        ]
    ),
    JSON | st.dictionaries(st.sampled_from(["x", "type", "min", "max", "when", "image"]), JSON),
    max_size=8,
)
PATHS = [
    ("POST", "/api/submit_job"),
    ("PATCH", "/api/experiments/digits"),
    ("POST", "/api/experiments/digits/trials"),
    ("POST", "/api/experiments/digits/trials/0/reports"),
    ("POST", "/api/experiments/digits/trials/0/outcome"),
    ("POST", "/api/events"),
]


def fits(name: str, answer: Any) -> None:
    """Hold an answer to the schema of that name in the document."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": description()["components"]}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        answer
    )


def test_the_document_is_valid_openapi() -> None:
    validate(description())


def test_every_route_is_described_with_its_body_and_its_errors() -> None:
    described = description()["paths"]
    for route in ROUTES:
        for path in paths(route):
            operation = described[path][route.method.lower()]
            assert operation["summary"].endswith(".")
            assert ("requestBody" in operation) == (route.body is not None)
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_answers_fit_their_schemas(world: World, smallest: Any) -> None:
    fits("Submitted", world.api.post("/api/submit_job", json=smallest).json)
    name = world.running()
    headers = {"Authorization": f"Bearer {world.token(name, 0)}"}
    one = f"/api/experiments/{name}"
    report = {"step": 1, "values": {"objective": 0.5, "norm": "NaN"}}
    fits("Stop", world.api.post(f"{one}/trials/0/reports", json=report, headers=headers).json)
    outcome = {"state": "COMPLETE", "values": {"objective": 0.5}}
    fits("Trial", world.api.post(f"{one}/trials/0/outcome", json=outcome, headers=headers).json)
    for path, schema in [
        ("/api/experiments?limit=1", "ExperimentPage"),
        (one, "Experiment"),
        (f"{one}/best", "Best"),
        (f"{one}/trials?limit=1", "TrialPage"),
        (f"{one}/trials/0", "Trial"),
        ("/api/algorithms", "Algorithms"),
        ("/api/aliases", "Aliases"),
        ("/api/health", "Status"),
        ("/api/ready", "Status"),
    ]:
        fits(schema, world.api.get(path).json)
    enqueued = world.api.post(f"{one}/trials", json={"trials": [{"x": 0.5}]})
    fits("Trials", enqueued.json)
    for change in ("pause", "resume", "stop"):
        fits("Experiment", world.api.post(f"{one}/{change}").json)
    for path in ("/nowhere", "/api/experiments/none", "/api/experiments?limit=x"):
        fits("Problem", world.api.get(path).json)


def test_an_experiment_of_several_objectives_fits_too(world: World) -> None:
    world.running(objectives=[{"metric": "loss"}, {"metric": "seconds"}])
    fits("Experiment", world.api.get("/api/experiments/digits").json)
    fits("Best", world.api.get("/api/experiments/digits/best").json)


def test_the_smallest_request_fits_the_schema_of_requests(smallest: Any) -> None:
    fits("Request", smallest)


@pytest.fixture(scope="module")
def shared() -> World:
    world = World()
    world.running()
    return world


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(target=st.sampled_from(PATHS), body=JSON | NAMED)
def test_no_json_whatsoever_is_a_bug(shared: World, target: tuple[str, str], body: Any) -> None:
    method, path = target
    kinds = ("application/cloudevents+json",) if path == "/api/events" else ("application/json",)
    headers = {"Authorization": f"Bearer {shared.token('digits', 0)}"}
    for kind in kinds:
        answer = shared.api.open(
            path, method=method, json=body, headers={**headers, "Content-Type": kind}
        )
        assert answer.status_code in (200, 400, 409, 422), answer.text
        if answer.status_code != 200:
            fits("Problem", answer.json)


@settings(max_examples=100, deadline=None)
@given(
    path=st.text(max_size=40),
    query=st.text(max_size=40),
    data=st.binary(max_size=60),
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"]),
)
def test_no_bytes_whatsoever_are_a_bug(
    shared: World, path: str, query: str, data: bytes, method: str
) -> None:
    path = quote(path)  # the test client would split it at a question mark
    for where in (f"/{path}", f"/api/{path}", f"/api/experiments/{path}", "/api/experiments"):
        answer = shared.api.open(
            where,
            method=method,
            query_string=query,
            data=data,
            content_type="application/json",
        )
        assert answer.status_code < 500
