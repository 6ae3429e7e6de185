"""The ingress of the in-process broker: it accepts CloudEvents over HTTP.

Like Knative's it answers 202 before it delivers an event, and 400 to an invalid event.
"""

from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from adapters.events.broker import Broker
from adapters.events.cloudevents import message
from functions import http, problem
from functions.http import Function
from functions.problem import Refused
from tunelet.errors import Reject


def with_ingress(api: Function, broker: Broker, max_body_bytes: int) -> Function:
    """Return a function that serves the broker's ingress at / and `api` at other paths."""

    def answer(request: Request) -> Response:
        if request.path != "/" or request.method != "POST":
            return api(request)
        try:
            given = http.read_body(request, max_body_bytes)
            broker.route(*message(dict(request.headers), given))
        except Reject as refusal:
            wrong = Refused(HTTPStatus.BAD_REQUEST, str(refusal), refusal.errors)
            return problem.answer(wrong, request)
        except Refused as refusal:
            return problem.answer(refusal, request)
        return Response(status=HTTPStatus.ACCEPTED)

    return answer
