"""The API's function: find the route, check the request by the table, call the endpoint.

Every other answer is problem JSON: unknown paths, methods and queries, bodies that are too
large, and bugs.
"""

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.wrappers import Request, Response

from functions import http
from functions.api.call import Call, bad_path
from functions.api.route import EVENT, Query, Route
from functions.api.routes import ROUTES, routing
from functions.api.streams import Streams
from functions.events.outbox import Outbox
from functions.problem import Refused
from functions.shell import Shell
from functions.telemetry.log import about
from tunelet.errors import FieldError, NotFound, Reject

if TYPE_CHECKING:
    from tunelet.service import Service

LOG_STREAMS = 8
"""The most outputs that are read at the same time: fewer than any of our servers has threads."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_READING = ("GET", "HEAD", "OPTIONS")


class Api(Shell):
    """The `api` function over one service; `outbox` is the service's publisher.

    Bodies hold at most `max_body_bytes`.
    """

    def __init__(self, service: "Service", outbox: Outbox, max_body_bytes: int) -> None:
        super().__init__(max_body_bytes)
        self._service, self._outbox = service, outbox
        self._streams = Streams(LOG_STREAMS)
        self._map = routing()

    def __call__(self, request: Request) -> Response:
        response = super().__call__(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _answer(self, request: Request, raw: bytes) -> Response:
        found = self._find(request)
        if isinstance(found, Response):
            return found
        route, path = found
        _refuse_strangers(request)
        errors = bad_path(path)
        query = _query(route, request, errors)
        key = _key(route, request, errors)
        if errors:
            raise Reject("the request is invalid", errors)
        call = Call(
            self._service, request, path, query, self._outbox, self._streams, raw=raw, key=key
        )
        if "name" in path:
            about(namespace=call.namespace, experiment=call.name, trial=path.get("number"))
        call = call._replace(bearer=_bearer(request), body=_body(route, request, raw))
        try:
            return route.endpoint(call)
        except NotFound as missing:
            if "name" not in path:
                raise
            raise NotFound(f"{call.namespace}/{call.name}: {missing}") from missing

    def _find(self, request: Request) -> tuple[Route, dict[str, str]] | Response:
        """Return the route and the values in its path, or the answer to OPTIONS."""
        adapter = self._map.bind("tunelet", path_info=request.path)
        if request.method == "OPTIONS" and (allowed := _allowed(adapter.allowed_methods())):
            return Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
        try:
            row, path = adapter.match(method=request.method)
        except MethodNotAllowed as refusal:
            allow = {"Allow": _allowed(refusal.valid_methods or ())}
            detail = f"{request.method} is not for this path; it takes {allow['Allow']}"
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, detail, (), allow) from None
        except NoRoute:
            detail = "there is nothing at this path; GET /api/docs shows all there is"
            raise Refused(HTTPStatus.NOT_FOUND, detail) from None
        return ROUTES[row], dict(path)


def _allowed(methods: Any) -> str:
    names = set(methods)
    return ", ".join(sorted(names | {"OPTIONS"})) if names else ""


def _refuse_strangers(request: Request) -> None:
    """Refuse a change that a user's browser requests for a page of another site."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method not in _READING:
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
