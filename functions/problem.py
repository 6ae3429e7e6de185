"""Errors as problem JSON (RFC 9457), with a list of the fields and their problems.

An error that Tunelet raises on purpose says what it is; any other is a bug, whose trace
goes to the log and whose text never leaves the process.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from functions.telemetry.log import LOGGER
from tunelet.errors import (
    Conflict,
    FieldError,
    Forbidden,
    NotFound,
    Reject,
    Retry,
    TooFast,
    TuneletError,
)
from tunelet.log.entry import Damaged, Newer

MEDIA_TYPE = "application/problem+json"
_SHOWN = 200
_LISTED = 100


class Refused(Exception):
    """A request that is refused as HTTP, before it reaches the service."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.errors, self.headers = status, errors, headers or {}


def answer(error: Exception, request: Request) -> Response:
    """The answer to a request that raised `error`."""
    match error:
        case Refused():
            return problem(error.status, str(error), request, error.errors, error.headers)
        case TooFast():
            after = {"Retry-After": str(math.ceil(error.after or 1))}
            status = HTTPStatus.TOO_MANY_REQUESTS
            return problem(status, str(error), request, error.errors, after)
        case Retry():
            after = {"Retry-After": str(math.ceil(error.after or 1))}
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), request, (), after)
        case Forbidden():
            return problem(HTTPStatus.FORBIDDEN, str(error), request, error.errors)
        case Reject():
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), request, error.errors)
        case Conflict():
            return problem(HTTPStatus.CONFLICT, str(error), request)
        case NotFound():
            return problem(HTTPStatus.NOT_FOUND, str(error), request)
        case Newer():
            # While versions are changed over, the next process that is asked may be a newer one.
            LOGGER.warning(str(error))
            after = {"Retry-After": "1"}
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), request, (), after)
        case Damaged():
            LOGGER.error(str(error))
            detail = f"the experiment's log is damaged: {error}; tunelet verify names all of it"
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, request)
        case TuneletError():
            LOGGER.error(str(error), exc_info=error)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), request)
        case HTTPException():
            status = HTTPStatus(error.code or 500)
            return problem(status, error.description or status.phrase, request)
        case _:
            LOGGER.error(
                "a bug ended the request %s %s", request.method, request.path, exc_info=error
            )
            detail = "the service has failed; its log says why"
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, request)


def problem(
    status: HTTPStatus,
    detail: str,
    request: Request,
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer with a problem document."""
    body = json.dumps(document(status, detail, request.path, errors)).encode()
    # As an iterator: functions-framework reads the rest of a request's body, of whatever
    # size, into memory before it sends an answer, unless the answer is a stream.
    response = Response(iter([body]), status=int(status), content_type=MEDIA_TYPE)
    response.headers["Content-Length"] = str(len(body))
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def document(
    status: HTTPStatus, detail: str, path: str, errors: Iterable[FieldError] = ()
) -> dict[str, Any]:
    """A problem document; `about:blank` means that the status is its type."""
    return {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "instance": path,
        "errors": [_field(error) for error in list(errors)[:_LISTED]],
    }


def _field(error: FieldError) -> dict[str, Any]:
    return {**error._asdict(), "value": _shown(error.value)}


def _shown(value: Any) -> Any:
    """The value as sent if it is short JSON, else the beginning of its text."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        text = value = str(value)
    return value if len(text) <= _SHOWN else text[:_SHOWN] + "…"
