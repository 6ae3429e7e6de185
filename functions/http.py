"""HTTP for every function: read a body, answer JSON, answer probes."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from werkzeug.wrappers import Request, Response

from functions.problem import Refused
from tunelet.errors import FieldError
from tunelet.text.strict_json import NotJson, decode

Function = Callable[[Request], Response]

ALIVE = "/api/health"
READY = "/api/ready"
_PIECE = 1 << 16


def read_body(request: Request, limit: int) -> bytes:
    """The whole body, even if sent in chunks without a length; 413 beyond `limit` bytes.

    Called for every request: what is left unread here functions-framework reads later,
    without any limit.
    """
    if (request.content_length or 0) > limit:
        raise too_large(limit)
    pieces, size = [], 0
    while piece := request.stream.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise too_large(limit)
    return b"".join(pieces)


def as_json(request: Request, body: bytes) -> Any:
    """The body's value; 415 unless it is declared as JSON, 400 unless it is JSON."""
    media = request.mimetype
    if media != "application/json" or _charset(request) not in ("", "utf-8", "utf8"):
        # Without this, any web page could have a browser send a request here as a form.
        message, remedy = "is not JSON in UTF-8", "send Content-Type: application/json"
        error = FieldError("Content-Type", request.content_type, message, remedy)
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be JSON", [error])
    try:
        return decode(body)
    except NotJson as fault:
        error = FieldError("body", None, str(fault), "send one JSON value in UTF-8")
        raise Refused(HTTPStatus.BAD_REQUEST, "the body cannot be read", [error]) from None


def refuse_any_body(body: bytes) -> None:
    """422 if there is a body that is not empty."""
    if body.strip() not in (b"", b"{}"):
        error = FieldError("body", None, "this request takes no body", "send none")
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "the body would be ignored", [error])


def _charset(request: Request) -> str:
    return request.mimetype_params.get("charset", "").strip('"').lower()


def too_large(limit: int) -> Refused:
    """The refusal of a body of more than `limit` bytes."""
    remedy = f"send at most {limit} bytes, or raise TUNELET_MAX_BODY_BYTES"
    error = FieldError("body", None, "is too large", remedy)
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large", [error])


def json_answer(document: Any, status: int = 200) -> Response:
    """A JSON answer that caches must not keep."""
    response = Response(msgspec.json.encode(document), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def probed(request: Request, ready: Callable[[], None]) -> Response | None:
    """The answer to a probe; None for other requests. `ready` raises `Retry` if not ready."""
    if request.method not in ("GET", "HEAD") or request.path not in (ALIVE, READY):
        return None
    if request.path == READY:
        ready()
    return json_answer({"status": "ready" if request.path == READY else "alive"})
