"""The table of routes is found as werkzeug's map finds it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, MapAdapter, Rule

from functions.api.route import paths
from functions.api.routes import ROUTES, routing
from functions.api.routing import Routing

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
TEMPLATES = [path for route in ROUTES for path in paths(route)]
OURS = routing()


def werkzeugs(rules: list[tuple[str, str, int]]) -> MapAdapter:
    made = [
        Rule(path.replace("{", "<").replace("}", ">"), endpoint=row, methods=[method])
        for method, path, row in rules
    ]
    found = Map(made, strict_slashes=False, merge_slashes=False, redirect_defaults=False)
    return found.bind("tunelet")


THEIRS = werkzeugs(
    [(route.method, path, row) for row, route in enumerate(ROUTES) for path in paths(route)]
)


def compare(ours: Routing, theirs: MapAdapter, path: str, method: str) -> None:
    assert ours.find(path, method) == expected(theirs, path, method)
    assert ours.methods(path) == set(theirs.allowed_methods(path)) - {"OPTIONS"}


def expected(theirs: MapAdapter, path: str, method: str) -> tuple[int, dict[str, str]] | None:
    try:
        row, values = theirs.match(path, method)
    except (MethodNotAllowed, NotFound):
        return None
    return row, dict(values)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ending", ["", "/", "//", "/more"])
def test_every_template_is_found(method: str, ending: str) -> None:
    for template in TEMPLATES:
        for value in ("x", "best", "trials", "{name}", "%2F", "ä b", ""):
            path = "/".join(value if part[:1] == "{" else part for part in template.split("/"))
            compare(OURS, THEIRS, path + ending, method)


PART = st.sampled_from(
    sorted({part for path in TEMPLATES for part in path.split("/")} | {"", "x", "{", ".."})
)


@given(st.lists(PART, max_size=8), st.sampled_from(METHODS))
def test_any_path_is_found_alike(parts: list[str], method: str) -> None:
    compare(OURS, THEIRS, "/" + "/".join(parts), method)


def test_a_fixed_part_precedes_a_variable_and_another_method_does_not_hide_it() -> None:
    rules = [("GET", "/a/{x}", 0), ("GET", "/a/best", 1), ("PUT", "/a/{x}", 2), ("GET", "/", 3)]
    ours, theirs = Routing(rules), werkzeugs(rules)
    for path in ("/a/best", "/a/other", "/a/", "/a", "/", ""):
        for method in METHODS:
            compare(ours, theirs, path or "/", method)
