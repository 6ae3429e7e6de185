"""Counts and times a function's requests, and continues the trace that they came with.

`GET /metrics` is answered here, for every function. It is about all namespaces.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from functions.telemetry import log, metrics
from functions.telemetry.spans import Spans, carried
from tunelet import tracing

if TYPE_CHECKING:
    from functions.http import Function

METRICS = "/metrics"


def observed(
    name: str,
    function: "Function",
    spans: Spans | None,
    refused: Callable[[Request], Response | None] = lambda _: None,
) -> "Function":
    """Wrap `function`, called `name`; each request becomes a span if there are `spans`.

    `refused` gives the answer to a caller that may not see the metrics.
    """

    def answer(request: Request) -> Response:
        if request.path == METRICS and request.method == "GET":
            return refused(request) or metrics.page()
        began = perf_counter()
        with log.request(), _spanned(name, request, spans) as ended:
            response = function(request)
            ended.append(response)
        metrics.answered(name, response.status_code, perf_counter() - began)
        return response

    return answer


@contextmanager
def _spanned(name: str, request: Request, spans: Spans | None) -> Iterator[list[Response]]:
    """Enter the request's trace. The caller puts the status code into the list."""
    event = request.headers.get("ce-type")
    # The event's own context is that of its cause; the request's may be a broker's.
    came_with = request.headers.get("ce-traceparent") or request.headers.get("traceparent")
    ended: list[Response] = []
    if spans is None:
        with tracing.within(came_with):
            yield ended
        return
    with spans.span(f"{name} {event or request.method}", came_with, event is not None) as span:
        with tracing.within(carried(span)):
            yield ended
            joined = tracing.current()
        if joined is not None and joined != carried(span):
            spans.link(span, joined)
        for field, value in log.subject().items():
            span.set_attribute(f"tunelet.{field}", value)
        for response in ended:
            spans.end(span, response.status_code)
