"""Whatever is submitted, no answer is a 5xx, and each is as the OpenAPI document says.

Requests are good ones in which one or two values are replaced by extreme ones.
"""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from functions.api.routes import description
from tests.unit.functions.conftest import World
from tests.unit.tunelet.request.submitted import FULL, JOB, SMALLEST
from tunelet.text.strict_json import decode

Json = dict[str, Any]

EXTREMES = (
    *(0, -1, 1, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64 - 1, 0.5, -0.0, 5e-324, 1e300),
    *(True, False, None, "", " ", "0", "x", "a" * 3000, "\u202e", "\x1b[2J", "${", "$$${a.b}"),
    *("${hyperparameters.x}", "${trial.number}", "../..", "-x", "default", "tpe", "🙂" * 99),
    *([], [[]], {}, {"": ""}, {"type": "float"}, [None], {"min": 0, "max": 1e300}, [1e300, -1e300]),
)
WORKERS: Json = {**SMALLEST, "model_training_code": {"workers": True}}
MANIFEST: Json = {**SMALLEST, "model_training_code": JOB}
BASES: tuple[Json, ...] = (SMALLEST, FULL, WORKERS, MANIFEST)


def places(node: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values below a node."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in children:
        yield (*where, key)
        if isinstance(child, dict | list):
            yield from places(child, (*where, key))


@st.composite
def requests(draw: st.DrawFn) -> Json:
    request = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(0, 2))):
        where = draw(st.sampled_from(list(places(request))))
        inner: Any = request
        for key in where[:-1]:
            inner = inner[key]
        inner[where[-1]] = copy.deepcopy(draw(st.sampled_from(EXTREMES)))
    return request


CHANGED = ("max_trials", "parallel_trials", "max_seconds", "max_cost", "labels", "hpo_algorithm")
CHANGES = st.dictionaries(
    st.sampled_from(CHANGED), st.sampled_from(EXTREMES), min_size=1, max_size=2
)


@cache
def checks(schema: str) -> Draft202012Validator:
    document = description()
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    )


def checked(answer: Any, schema: str) -> Any:
    """The body of an answer, as the document says it is."""
    assert answer.status_code < 500, answer.data
    body = decode(answer.data)
    checks("Problem" if answer.status_code >= 400 else schema).validate(body)
    if answer.status_code in (400, 422):
        assert all(error["message"] and error["remedy"] for error in body["errors"])
    return body


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests(), CHANGES, st.sampled_from(EXTREMES))
def test_no_request_and_no_step_after_it_fails(request: Json, changes: Json, value: Any) -> None:
    world = World()
    submitted = checked(world.api.post("/api/submit_job", json=request), "Submitted")
    if "links" not in submitted:
        return
    namespace, name, here = submitted["namespace"], submitted["name"], submitted["links"]["self"]
    for step in (world.service.suggest, world.service.launch):
        step(namespace, name)
    for path, schema in (("", "Experiment"), ("/trials", "TrialPage"), ("/best", "Best")):
        checked(world.api.get(here + path), schema)
    checked(world.api.patch(here, json=changes), "Experiment")
    checked(world.api.post(f"{here}/trials", json={"trials": [{"x": value}]}), "Trials")
    finished = {"hyperparameters": {"x": value}, "values": {"objective": value}}
    checked(world.api.post(f"{here}/import", json={"trials": [finished]}), "Trials")
    checked(world.api.post(f"{here}/trials/ask", json={"count": value}), "Asked")
    checked(world.api.post(f"{here}/stop"), "Experiment")
    checked(world.api.get(here), "Experiment")
