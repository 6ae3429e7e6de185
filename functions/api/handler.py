"""The API's function: find the route, check the request by the table, call the endpoint.

Every other answer is problem JSON: unknown paths, methods and queries, bodies that are too
large, and bugs.
"""

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from functions import http
from functions.api.call import Call, bad_path
from functions.api.route import EVENT, Query, Route
from functions.api.routes import ROUTES, routing
from functions.api.streams import Streams
from functions.events.outbox import Outbox
from functions.identity.actor import ANYONE
from functions.identity.gate import UNGUARDED, Gate
from functions.identity.rights import Entry, Right
from functions.problem import Refused
from functions.shell import Shell
from functions.telemetry.log import about
from tunelet.errors import NO_EXPERIMENT, FieldError, NotFound, Reject
from tunelet.text.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from tunelet.service import Service

LOG_STREAMS = 16
"""The most outputs that are read at the same time: fewer than any of our servers has threads."""

_KEY = lazy_pattern(r"[\x21-\x7e]{1,255}")
_READING = ("GET", "HEAD", "OPTIONS")


class Api(Shell):
    """The `api` function over one service; `outbox` is the service's publisher.

    `gate` knows who calls, and what they may do.

    Bodies hold at most `max_body_bytes`.
    """

    def __init__(
        self,
        service: "Service",
        outbox: Outbox,
        max_body_bytes: int,
        gate: Gate = UNGUARDED,
    ) -> None:
        super().__init__(max_body_bytes)
        self._service, self._outbox, self._gate = service, outbox, gate
        self._streams = Streams(LOG_STREAMS)
        self._routing = routing()

    def __call__(self, request: Request) -> Response:
        response = super().__call__(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _answer(self, request: Request, raw: bytes) -> Response:
        if (shown := _of_page(request)) is not None:
            return shown
        found = self._find(request)
        if isinstance(found, Response):
            return found
        route, path = found
        _refuse_strangers(request)
        call = self._call(route, request, path, raw)
        try:
            self._admit(route, call)
            return route.endpoint(call)
        except NotFound as missing:
            if "name" not in path:
                raise
            raise NotFound(f"{call.namespace}/{call.name}: {missing}") from missing

    def _call(self, route: Route, request: Request, path: dict[str, str], raw: bytes) -> Call:
        """Check the credential first, so that strangers learn nothing else of the request."""
        identified = route.access not in (Entry.OPEN, Entry.TRIAL)
        actor = self._gate.actor(request) if identified else ANYONE
        errors = bad_path(path)
        query = _query(route, request, errors)
        key = _key(route, request, errors)
        if errors:
            raise Reject("the request is invalid", errors)
        namespace = path.get("namespace")
        if "name" in path:
            of = {"namespace": namespace or "default", "experiment": path["name"]}
            about(**of, trial=path.get("number"))
        body = _body(route, request, raw)
        return Call(
            *(self._service, request, path, query, self._outbox, self._streams, body, raw, key),
            bearer=_bearer(request) if route.access is Entry.TRIAL else None,
            actor=actor,
            gate=self._gate,
            given_namespace=namespace or (_written(body) if route.namespace_in_body else None),
        )

    def _admit(self, route: Route, call: Call) -> None:
        """Raise an error unless the actor has the route's right in the call's namespace.

        Of an unscoped route the endpoint has to ask `Call.allows`: only it knows the namespace.
        """
        if isinstance(route.access, Right) and route.scoped:
            self._gate.admit(call.actor, route.access, call.namespace, _absent(call))

    def _find(self, request: Request) -> tuple[Route, dict[str, str]] | Response:
        """Return the route and the values in its path, or the answer to OPTIONS."""
        if found := self._routing.find(request.path, request.method):
            return ROUTES[found[0]], found[1]
        allowed = _allowed(self._routing.methods(request.path))
        if not allowed:
            detail = "there is nothing at this path; GET /api/docs shows all there is"
            raise Refused(HTTPStatus.NOT_FOUND, detail)
        if request.method == "OPTIONS":
            return Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
        detail = f"{request.method} is not for this path; it takes {allowed}"
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, detail, (), {"Allow": allowed})


def _absent(call: Call) -> str:
    """Return the text of a 404, as of something that does not exist."""
    if "name" in call.path:
        return NO_EXPERIMENT
    return f"there is no namespace {call.namespace!r} that you may see"


def _written(body: Any) -> str | None:
    """Return the namespace that a body names; None if it is no text, which the service refuses."""
    named = body.get("namespace") if isinstance(body, dict) else None
    return named if isinstance(named, str) else None


def _of_page(request: Request) -> Response | None:
    """Return a file of the page that people see; None if the path is not one of its paths."""
    if request.method not in ("GET", "HEAD") or request.path.startswith("/api"):
        return None
    from functions.page.files import answer

    return answer(request)


def _allowed(methods: set[str]) -> str:
    return ", ".join(sorted(methods | {"OPTIONS"})) if methods else ""


def _refuse_strangers(request: Request) -> None:
    """Refuse a change that a user's browser requests for a page of another host.

    Also of the same site: where a proxy knows users by a cookie, pages of its other hosts send it.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site in ("cross-site", "same-site") and request.method not in _READING:
        raise Refused(HTTPStatus.FORBIDDEN, "a page of another site may not change anything here")


def _query(route: Route, request: Request, errors: list[FieldError]) -> dict[str, Any]:
    known = {query.name: query for query in route.query}
    taken = {}
    for name, values in request.args.lists():
        if name not in known:
            takes = f"this path takes {', '.join(known)}" if known else "this path takes none"
            errors.append(FieldError(name, values[0], "is not a query parameter here", takes))
        elif len(values) > 1:
            errors.append(FieldError(name, values, "is given more than once", "send it once"))
        elif (value := _parsed(known[name], values[0])) is None:
            errors.append(FieldError(name, values[0], "is not allowed", _remedy(known[name])))
        else:
            taken[name] = value
    for name, query in known.items():
        if query.required and name not in request.args:
            errors.append(FieldError(name, None, "is missing", f"send it: {query.summary}"))
    return taken


def _parsed(query: Query, text: str) -> int | str | None:
    """Return the value of a query parameter; None if its schema does not allow it."""
    schema = query.schema
    if schema["type"] == "integer":
        if not re.fullmatch(r"-?[0-9]{1,15}", text, re.ASCII):
            return None
        number = int(text)
        return number if schema["minimum"] <= number <= schema.get("maximum", number) else None
    allowed = text in schema["enum"] if "enum" in schema else re.fullmatch(schema["pattern"], text)
    return text if allowed else None


def _remedy(query: Query) -> str:
    schema = query.schema
    if "enum" in schema:
        return f"send one of {', '.join(schema['enum'])}"
    if "pattern" in schema:
        return f"send what {schema['pattern']} matches"
    upper = f" to {schema['maximum']}" if "maximum" in schema else ""
    return f"send an integer from {schema['minimum']}{upper}"


def _key(route: Route, request: Request, errors: list[FieldError]) -> str | None:
    key = request.headers.get("Idempotency-Key") if route.key else None
    if key is not None and not _KEY.fullmatch(key):
        remedy = "send 1 to 255 visible ASCII characters"
        errors.append(FieldError("Idempotency-Key", key, "is not a key", remedy))
    return key


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _body(route: Route, request: Request, raw: bytes) -> Any:
    if route.body is None:
        if request.method not in _READING:
            http.refuse_any_body(raw)
        return None
    return None if route.body == EVENT else http.as_json(request, raw)
