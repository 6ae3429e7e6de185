"""The OpenAPI 3.1 document, built from the table that routes requests."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from functions.api.call import HIGHEST
from functions.api.route import EVENT, JSON, Route, paths
from functions.api.schema_parts import Schema
from functions.api.schemas import SCHEMAS
from functions.identity.rights import Entry
from functions.problem import MEDIA_TYPE
from tunelet import __version__
from tunelet.dead_letters import ID
from tunelet.text.limits import CALLER, NAME

_REFS = "#/components/schemas/"
_EVENT = {"$ref": f"{_REFS}Event"}
SMALLEST = {
    "model_training_code": "docker_image_url",
    "hyperparameters": {
        "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
        "batch_size": {"type": "int", "min": 32, "max": 128},
    },
    "hpo_algorithm": "random_search",
}
"""The smallest request. /api/docs offers it to try."""
_PATH_SCHEMAS: dict[str, Schema] = {
    "namespace": {"type": "string", "pattern": f"^{NAME}$"},
    "name": {"type": "string", "pattern": f"^{NAME}$"},
    "number": {"type": "integer", "minimum": 0, "maximum": HIGHEST},
    "study": {"type": "integer", "minimum": 1},
    "caller": {"type": "string", "pattern": f"^{CALLER}$"},
    "asset": {"type": "string"},
    "letter": {"type": "string", "pattern": f"^{ID}$"},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Sent again with the same key, the request is carried out once.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document of the routes."""
    described: dict[str, dict[str, Any]] = {}
    for route in routes:
        for path in paths(route):
            described.setdefault(path, {})[route.method.lower()] = _operation(route, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tunelet",
            "version": __version__,
            "summary": "Hyperparameter optimization without a server to run.",
            "description": "Every path exists twice: for the namespace `default` and below "
            "`/api/namespaces/{namespace}`. Every error is problem JSON (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": described,
        "components": {
            "schemas": SCHEMAS | _request_schemas(),
            "securitySchemes": {
                "identity": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the service. None is needed where no identity is "
                    "configured, as at `tunelet up` on loopback.",
                },
                "trial": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "TUNELET_TRIAL_TOKEN: for one attempt of one trial.",
                },
            },
        },
    }


def _operation(route: Route, path: str) -> dict[str, Any]:
    summary, _, rest = (route.endpoint.__doc__ or "").partition("\n")
    scoped = "{namespace}" in path
    operation: dict[str, Any] = {
        "operationId": route.endpoint.__name__ + ("_in_namespace" if scoped else ""),
        "summary": summary,
        "tags": ["in a namespace" if scoped else "default" if route.scoped else "service"],
        "parameters": _parameters(route, path),
        "responses": _responses(route),
    }
    if rest.strip():
        operation["description"] = " ".join(rest.split())
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    if route.access is Entry.TRIAL:
        operation["security"] = [{"trial": []}, *([{}] if route.body == EVENT else [])]
    elif route.access is not Entry.OPEN:
        operation["security"] = [{"identity": []}, {}]
    return operation


def _parameters(route: Route, path: str) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[name]}
        for name in re.findall(r"{(\w+)}", path)
    ]
    in_query = [
        {
            "name": each.name,
            "in": "query",
            "description": each.summary,
            "schema": each.schema,
            **({"required": True} if each.required else {}),
        }
        for each in route.query
    ]
    return in_path + in_query + ([_KEY] if route.key else [])


def _content(body: str) -> dict[str, Any]:
    if body != EVENT:
        example = {"example": SMALLEST} if body == "Request" else {}
        return {JSON: {"schema": {"$ref": _REFS + body}, **example}}
    return {
        "application/cloudevents+json": {"schema": _EVENT},
        "application/cloudevents-batch+json": {"schema": {"type": "array", "items": _EVENT}},
    }


def _responses(route: Route) -> dict[str, Any]:
    status = HTTPStatus(route.status)
    good: dict[str, Any] = {"description": status.phrase}
    if route.answer is not None:
        good["content"] = {route.media: {"schema": {"$ref": _REFS + route.answer}}}
    problem = {"schema": {"$ref": f"{_REFS}Problem"}}
    bad = {"description": "A problem (RFC 9457).", "content": {MEDIA_TYPE: problem}}
    return {str(int(status)): good, **_refusals(route, bad), "default": bad}


def _refusals(route: Route, bad: dict[str, Any]) -> dict[str, Any]:
    """Return the answers to callers without a credential, or without the right."""
    if route.access is Entry.OPEN:
        return {}
    header = {"description": "Bearer, with the realm (RFC 6750).", "schema": {"type": "string"}}
    unknown = {
        **bad,
        "description": "No token came, or it is not valid.",
        "headers": {"WWW-Authenticate": header},
    }
    if route.access is Entry.ACTOR:
        return {"401": unknown}
    not_allowed = {**bad, "description": "The caller may see this, but not do it."}
    unseen = {**bad, "description": "It does not exist, or the caller may not see it."}
    return {"401": unknown, "403": not_allowed, "404": unseen}


def _request_schemas() -> dict[str, Schema]:
    """The request's schema, with its definitions moved to those of the document."""
    from tunelet.request.models import Terms, request_schema

    schema, changes = _moved(request_schema()), _moved(Terms.model_json_schema())
    definitions = changes.pop("$defs", {}) | schema.pop("$defs", {})
    for name in ("$schema", "$id"):
        # References are resolved against $id where there is one; here they are the document's.
        schema.pop(name, None)
    named = {f"Request{name}": definition for name, definition in definitions.items()}
    return {"Request": schema, "Changes": {**changes, "minProperties": 1}, **named}


def _moved(node: Any) -> Any:
    if isinstance(node, list):
        return [_moved(each) for each in node]
    if not isinstance(node, dict):
        return node
    moved = {name: _moved(each) for name, each in node.items()}
    for name in ("$ref", "mapping"):
        if name in moved:
            moved[name] = _renamed(moved[name])
    return moved


def _renamed(reference: Any) -> Any:
    if isinstance(reference, str):
        return reference.replace("#/$defs/", f"{_REFS}Request")
    if isinstance(reference, dict):
        return {name: _renamed(each) for name, each in reference.items()}
    return reference
