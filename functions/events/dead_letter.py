"""The dead-letter sink: store the events that a broker could not deliver.

An event is stored as it came, even if it is invalid, so that its fault can be examined.
Knative adds attributes that describe the failed delivery.

A letter belongs to a namespace only if the event proves that it is about it: by the signature of
our functions, or by the token of one of its trials. All others belong to the operator.
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from adapters.events.cloudevents import STRUCTURED, Event, parse
from adapters.events.signature import Signature
from functions.events.subject import parsed, subject
from functions.events.training import EVENTS
from functions.shell import EventShell
from tunelet.dead_letters import of_event
from tunelet.errors import FieldError, Forbidden, NotFound, Reject, Throttled
from tunelet.log.entry import Damaged

if TYPE_CHECKING:
    from tunelet.service import Service

_OF_DELIVERY = "ce-knative"
"""The prefix of a broker's delivery attributes. A replayed event must not have them."""


class DeadLetterFunction(EventShell):
    """The function `deadletter` over one service."""

    def __init__(self, service: "Service", signature: Signature, max_body_bytes: int) -> None:
        super().__init__(max_body_bytes, service.store_ready)
        self._service, self._signature = service, signature

    def _take(self, request: Request, raw: bytes) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        event = {
            name: value
            for name, value in of_event(headers).items()
            if not name.startswith(_OF_DELIVERY)
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
            self._namespace(event, raw),
        )
        return Response(status=HTTPStatus.NO_CONTENT)

    def _namespace(self, headers: Mapping[str, str], raw: bytes) -> str:
        """Return the namespace that the event is certainly about; empty if it proves none."""
        if self._signature.is_on(headers, raw):
            found = parsed(headers.get("ce-subject", ""))
            return "" if found is None else found.namespace
        try:
            return self._authorized(parse(headers, raw))
        except (Reject, NotFound, Throttled, Damaged):
            return ""

    def _authorized(self, event: Event) -> str:
        """Return the namespace of the trial if the event has its token.

        Raises `Forbidden` or another refusal if not.
        """
        namespace, experiment, trial, _ = subject(event)
        token = event.data.get("token") if isinstance(event.data, dict) else None
        if event.type not in EVENTS or trial is None or not isinstance(token, str):
            raise Forbidden("the event has no token of a trial")
        return self._service.attempts.authorize(token, namespace, experiment, trial).namespace


def _status(code: str) -> int | None:
    return int(code) if code.isascii() and code.isdigit() and len(code) == 3 else None


def _text(answer: str | None) -> str | None:
    """Decode the answer's text: most brokers send it in base64, some as plain text."""
    try:
        return b64decode(answer, validate=True).decode() if answer else None
    except (binascii.Error, UnicodeDecodeError):
        return answer
