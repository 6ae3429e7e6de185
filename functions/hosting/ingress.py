"""The ingress of the in-process broker: it accepts CloudEvents over HTTP.

Like Knative's it answers 202 before it delivers an event, and 400 to an invalid event. It asks for
no identity, so it has a port of its own that a NetworkPolicy can close.
"""

from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from adapters.events.broker import Broker
from adapters.events.cloudevents import message
from functions.problem import Refused
from functions.shell import Shell
from tunelet.errors import Reject


class Ingress(Shell):
    def __init__(self, broker: Broker, max_body_bytes: int) -> None:
        super().__init__(max_body_bytes)
        self._broker = broker

    def _answer(self, request: Request, raw: bytes) -> Response:
        if request.method != "POST":
            detail = f"events are sent with POST, not {request.method}"
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, detail, (), {"Allow": "POST"})
        try:
            self._broker.route(*message(dict(request.headers), raw))
        except Reject as refusal:
            raise Refused(HTTPStatus.BAD_REQUEST, str(refusal), refusal.errors) from None
        return Response(status=HTTPStatus.ACCEPTED)
