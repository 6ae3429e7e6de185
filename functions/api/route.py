"""A row of the API's table of routes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.identity.rights import Access

JSON = "application/json"
TEXT = "text/plain"
BYTES = "application/octet-stream"
HTML = "text/html"
EVENT = "cloudevent"


class Query(NamedTuple):
    """A query parameter; `schema` is its JSON Schema, of which requests are held to
    type, minimum, maximum, enum and pattern."""

    name: str
    summary: str
    schema: dict[str, Any]
    required: bool = False


class Route(NamedTuple):
    method: str
    path: str
    """Below /api; that of a scoped route also below /api/namespaces/{namespace}."""
    endpoint: Callable[[Call], Response]
    """Its docstring is the route's description."""
    access: Access
    """What the caller needs. It has no default, so that no route lacks it."""
    answer: str | None
    """The name of the answer's schema (functions.api.schemas), None for an empty one."""
    body: str | None = None
    """The name of the body's schema; EVENT for CloudEvents in any mode; None: no body."""
    query: tuple[Query, ...] = ()
    scoped: bool = True
    media: str = JSON
    key: bool = False
    """Takes an Idempotency-Key."""
    status: int = 200
    namespace_in_body: bool = False
    """Whether the body may name the namespace, where the path does not."""


SCOPE = "/namespaces/{namespace}"


def paths(route: Route) -> list[str]:
    """The templates under which a route is reached, as OpenAPI writes them."""
    prefixes = ["/api", f"/api{SCOPE}"] if route.scoped else ["/api"]
    return [prefix + route.path for prefix in prefixes]
