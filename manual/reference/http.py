"""The page of all endpoints, from the OpenAPI document and the table of routes.

http_examples.txt has its examples. A test runs them, as those of each page.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from functions.api.openapi import document
from functions.api.route import Route, paths
from functions.api.routes import ROUTES, routing
from functions.identity.rights import Entry
from manual.reference import schema as schemas
from manual.reference.markdown import code, paragraphs, table

_HEAD = """# HTTP

A path in a namespace exists twice: as shown, for the namespace `default`, and below
`/api/namespaces/{namespace}`. Every error is [problem JSON](#problem) (RFC 9457). A service shows
the same at `/api/docs`, where it can be tried, and as an OpenAPI document at `/api/openapi.json`.
[Identity](../operations/identity.md#rights) says which roles have which right.

Below [the examples](#examples) this page is generated from the OpenAPI document.
"""
_EXAMPLES = Path(__file__).with_name("http_examples.txt").read_text()
_CALL = re.compile(r"curl -s (?:-X (\w+) )?\"?\$API(/[\w/-]+)((?:(?!curl).)*)", re.DOTALL)
_ENTRIES = {
    Entry.OPEN: "none",
    Entry.ACTOR: "any known caller",
    Entry.TRIAL: "the trial's token, `TUNELET_TRIAL_TOKEN`",
}
_REQUEST = "Request"
_CLAUSE = re.compile(r"[.,;:](?: |$)")


def page() -> str:
    """The page as Markdown."""
    described = document(ROUTES)
    components = described["components"]["schemas"]
    shown = {name: each for name, each in components.items() if not name.startswith(_REQUEST)}
    shows = examples()
    return paragraphs(
        _HEAD,
        _EXAMPLES,
        *[_endpoint(route, described["paths"], shows.get(_name(route), "")) for route in ROUTES],
        "## Bodies and answers",
        *[_schema(name, each) for name, each in shown.items()],
    )


def examples() -> dict[str, str]:
    """The endpoints that have an example, such as `GET /api/experiments`, each with its heading."""
    routes, headings = routing(), dict[str, str]()
    for part in _EXAMPLES.split("\n### ")[1:]:
        for method, path, rest in _CALL.findall(part):
            found = routes.find(f"/api{path}", method or ("POST" if " -d " in rest else "GET"))
            assert found is not None, f"there is no endpoint {method} {path}"
            headings.setdefault(_name(ROUTES[found[0]]), part.partition("\n")[0])
    return headings


def _name(route: Route) -> str:
    return f"{route.method} {paths(route)[0]}"


def heading(route: Route) -> str:
    """What the endpoint does, by the first clause of its summary: `List experiments by name`."""
    return _CLAUSE.split((route.endpoint.__doc__ or "").partition("\n")[0])[0]


def _endpoint(route: Route, described: dict[str, Any], example: str) -> str:
    path = paths(route)[0]
    operation = described[path][route.method.lower()]
    right = (
        _ENTRIES[route.access]
        if isinstance(route.access, Entry)
        else f"{route.access.verb} {route.access.resource}"
    )
    scope = ", in a namespace" if route.scoped else ""
    body = [code(kind) for kind in operation.get("requestBody", {}).get("content", {})]
    return paragraphs(
        f"## {heading(route)}",
        code(_name(route)),
        operation["summary"] if operation["summary"] != f"{heading(route)}." else "",
        operation.get("description", ""),
        f"Right: {right}{scope}.{_example(example)}",
        table(("Parameter", "In", "Type", "Description"), _parameters(operation)),
        _body(operation)
        and f"Body: {_body(operation)}{' as ' + ' or '.join(body) if body else ''}.",
        table(("Answer", "Body", "When"), _answers(operation)),
    )


def _example(heading: str) -> str:
    return heading and f" Example: [{heading}](#{heading.lower().replace(' ', '-')})."


def _parameters(operation: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for each in operation["parameters"]:
        limits = schemas.limits(each["schema"])
        description = each.get("description", "")
        yield (
            code(each["name"]),
            each["in"],
            schemas.type_of(each["schema"], _link),
            f"{description} {limits}".strip(),
        )


def _body(operation: dict[str, Any]) -> str:
    contents = operation.get("requestBody", {}).get("content", {}).values()
    kinds = [schemas.type_of(each["schema"], _link) for each in contents]
    return " or ".join(dict.fromkeys(kinds))


def _answers(operation: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for status, answer in operation["responses"].items():
        contents = answer.get("content", {}).items()
        kinds = [
            f"{schemas.type_of(each['schema'], _link)}, {code(kind)}" for kind, each in contents
        ]
        name = "other" if status == "default" else status
        yield name, " or ".join(kinds) or "none", answer["description"]


def _schema(name: str, schema: dict[str, Any]) -> str:
    rows = schemas.fields(schema, _link)
    kind = "" if rows else f"Type: {schemas.type_of(schema, _link)}."
    return paragraphs(f"### {name}", schema.get("description", ""), kind, rows)


def _link(name: str) -> str:
    """The link to a schema: parts of a request have a page of their own."""
    if name.startswith(_REQUEST):
        part = name.removeprefix(_REQUEST) or _REQUEST
        return f"[{part}](request.md#{part.lower()})"
    return f"[{name}](#{name.lower()})"
