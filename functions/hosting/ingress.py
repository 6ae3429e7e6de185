"""The ingress of the in-process broker: it accepts CloudEvents over HTTP.

Like Knative's it answers 202 before it delivers an event, and 400 to an invalid event.
"""

from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from adapters.events.broker import Broker
from adapters.events.cloudevents import message
from functions.http import Function
from functions.problem import Refused
from functions.shell import Shell
from tunelet.errors import Reject


def with_ingress(api: Function, broker: Broker, max_body_bytes: int) -> Function:
    """Return a function that serves the broker's ingress at / and `api` at other paths."""
    ingress = Ingress(broker, max_body_bytes)

    def answer(request: Request) -> Response:
        taken = request.path == "/" and request.method == "POST"
        return ingress(request) if taken else api(request)

    return answer


class Ingress(Shell):
    def __init__(self, broker: Broker, max_body_bytes: int) -> None:
        super().__init__(max_body_bytes)
        self._broker = broker

    def _answer(self, request: Request, raw: bytes) -> Response:
        try:
            self._broker.route(*message(dict(request.headers), raw))
        except Reject as refusal:
            raise Refused(HTTPStatus.BAD_REQUEST, str(refusal), refusal.errors) from None
        return Response(status=HTTPStatus.ACCEPTED)
