"""The generated reference describes the code as it is, and leaves nothing out."""

import inspect
import json
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import tunelet
from functions.api.route import paths
from functions.api.routes import ROUTES, description
from manual.reference import PAGES, environment, http, python, request
from manual.reference.markdown import block, table
from manual.reference.schema import fields
from manual.source import ROOT, tracked
from tunelet.request.models import request_schema

CODE = ("tunelet/", "functions/", "adapters/", "algorithms/", "infra/images/", "infra/knative/")
VARIABLE = re.compile(r"\bTUNELET_[A-Z]+(?:_[A-Z]+)*\b")
# Kubernetes would set it, for the Service of this name; nothing reads it.
UNREAD = {"TUNELET_PORT"}


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_as_the_code_is(name: str) -> None:
    assert (ROOT / name).read_text() == PAGES[name](), "run make docs"


LONGEST_HEADING = 50
# The smallest request, as callers have sent it from the beginning.
SMALLEST = """{"model_training_code": "docker_image_url",
 "hyperparameters": {
    "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
    "batch_size":    {"type": "int", "min": 32, "max": 128}},
 "hpo_algorithm": "random_search"}
"""


def test_the_page_of_http_has_the_smallest_request_and_so_has_the_openapi_document() -> None:
    assert f'json title="request.json"\n{SMALLEST}' in http.page()
    operation = description()["paths"]["/api/submit_job"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["example"] == json.loads(
        SMALLEST
    )


def test_the_usual_endpoints_have_an_example_to_which_they_link() -> None:
    one, trial = "/api/experiments/{name}", "/api/experiments/{name}/trials/{number}"
    usual = {"POST /api/submit_job", "GET /api/experiments", f"GET {one}", f"GET {one}/trials"}
    usual |= {f"{method} {one}" for method in ("PATCH", "DELETE")} | {f"GET {one}/best"}
    usual |= {f"POST {one}/{what}" for what in ("pause", "resume", "stop", "trials", "trials/ask")}
    usual |= {f"GET {trial}", f"GET {trial}/logs", f"POST {trial}/reports", f"POST {trial}/outcome"}
    shown = http.examples()
    assert usual <= shown.keys()
    for endpoint, heading in shown.items():
        part = http.page().partition(f"\n`{endpoint}`\n")[2].partition("\n## ")[0]
        assert f" Example: [{heading}](#" in part
        assert f"\n### {heading}\n" in http.page()


def named(text: str) -> set[str]:
    return {*VARIABLE.findall(text)} - UNREAD


def test_every_variable_that_the_code_names_is_on_the_page() -> None:
    code = [name for name in tracked(ROOT) if name.startswith(CODE) and not name.endswith(".md")]
    assert len(code) > 300
    used = set[str]().union(*(named((ROOT / name).read_text(errors="replace")) for name in code))
    assert named(environment.page()) == used


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    schema = request_schema()
    yield "Request", schema
    yield from schema["$defs"].items()


@pytest.mark.parametrize(("name", "schema"), [*objects()], ids=[name for name, _ in objects()])
def test_every_part_of_a_request_and_every_field_is_described(
    name: str, schema: dict[str, Any]
) -> None:
    assert schema.get("description")
    undescribed = [
        field for field, each in schema["properties"].items() if not each.get("description")
    ]
    assert undescribed == []
    assert f"\n## {name}\n" in request.page()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_endpoint_is_on_the_page(route: Any) -> None:
    assert f"\n## {http.heading(route)}\n\n`{route.method} {paths(route)[0]}`\n" in http.page()


def test_the_headings_of_the_endpoints_differ_and_fit_the_table_of_contents() -> None:
    headings = [http.heading(route) for route in ROUTES]
    assert sorted(headings) == sorted({*headings})
    assert [heading for heading in headings if not 5 < len(heading) <= LONGEST_HEADING] == []


def test_every_public_name_of_the_package_is_on_the_page() -> None:
    shown = python.page()
    for name in {*tunelet.__all__} - {"__version__"}:
        assert f"\n### {name}\n" in shown


@pytest.mark.parametrize("name", [name for names in python.CHAPTERS.values() for name in names])
def test_every_public_name_and_its_members_have_a_docstring(name: str) -> None:
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute)
    assert inspect.getdoc(found)
    if inspect.isclass(found):
        missing = [below for below, member in python.members(found) if not inspect.getdoc(member)]
        assert missing == []


def test_a_field_is_shown_with_type_default_limits_and_example_the_required_first() -> None:
    schema = {
        "properties": {
            "seed": {
                "anyOf": [{"type": "integer", "minimum": 0, "maximum": 9}, {"type": "null"}],
                "default": None,
                "description": "Makes it repeat.",
                "examples": [7],
            },
            "algorithm": {"$ref": "#/$defs/Algorithm"},
        },
        "required": ["algorithm"],
    }
    assert fields(schema, lambda name: f"[{name}]").splitlines()[2:] == [
        "| `algorithm` | [Algorithm] | required |  |  |",
        "| `seed` | integer or null | `null` | at least 0; at most 9 | "
        "Makes it repeat. Example: `7` |",
    ]


def test_a_bar_in_a_cell_does_not_end_it_and_no_rows_are_no_table() -> None:
    assert table(("A",), [["x|y\nz"]]).splitlines()[-1] == "| x\\|y z |"
    assert table(("A",), []) == ""


def test_a_block_keeps_its_indentation_and_escapes_markup() -> None:
    assert block(["    if a < b:", "        stop()"]) == (
        "<pre><code>if a &lt; b:\n    stop()</code></pre>"
    )


def test_the_defaults_on_the_page_are_those_of_the_schema() -> None:
    default = request_schema()["properties"]["max_trials"]["default"]
    row = next(line for line in request.page().splitlines() if line.startswith("| `max_trials`"))
    assert f"| `{json.dumps(default)}` |" in row
