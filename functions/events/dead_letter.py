"""The dead-letter sink: store the events that a broker could not deliver.

An event is stored as it came, even if it is invalid, so that its fault can be examined.
Knative adds attributes that describe the failed delivery.
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from adapters.events.cloudevents import STRUCTURED, media_type
from functions.events.subject import parsed
from functions.shell import EventShell
from tunelet.errors import FieldError, Reject
from tunelet.text.strict_json import NotJson, decode

if TYPE_CHECKING:
    from tunelet.service import Service

_OF_DELIVERY = "ce-knative"
"""The prefix of a broker's delivery attributes. A replayed event must not have them."""


class DeadLetterFunction(EventShell):
    """The function `deadletter` over one service."""

    def __init__(self, service: "Service", max_body_bytes: int) -> None:
        super().__init__(max_body_bytes, service.store_ready)
        self._service = service

    def _take(self, request: Request, raw: bytes) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        event = {
            name: value
            for name, value in headers.items()
            if name == "content-type"
            or (name.startswith("ce-") and not name.startswith(_OF_DELIVERY))
        }
        if "ce-type" not in event and request.mimetype != STRUCTURED:
            wrong = FieldError("ce-type", None, "is missing", "send a CloudEvent")
            raise Reject("the request is not a CloudEvent", [wrong])
        self._service.dead.keep(
            event,
            raw,
            headers.get("ce-knativeerrordest"),
            _status(headers.get("ce-knativeerrorcode", "")),
            _text(headers.get("ce-knativeerrordata")),
            _namespace(event, raw),
        )
        return Response(status=HTTPStatus.NO_CONTENT)


def _namespace(headers: Mapping[str, str], raw: bytes) -> str:
    """Return the namespace that the event is about; empty if it names none."""
    named: Any = headers.get("ce-subject")
    if media_type(headers) == STRUCTURED:
        try:
            whole = decode(raw)
        except NotJson:
            return ""
        named = whole.get("subject") if isinstance(whole, dict) else None
    found = parsed(named) if isinstance(named, str) else None
    return "" if found is None else found.namespace


def _status(code: str) -> int | None:
    return int(code) if code.isascii() and code.isdigit() and len(code) == 3 else None


def _text(answer: str | None) -> str | None:
    """Decode the answer's text: most brokers send it in base64, some as plain text."""
    try:
        return b64decode(answer, validate=True).decode() if answer else None
    except (binascii.Error, UnicodeDecodeError):
        return answer
