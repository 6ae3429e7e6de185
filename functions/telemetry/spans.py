"""OpenTelemetry spans, one for each request, sent to OTEL_EXPORTER_OTLP_ENDPOINT.

Without that variable nothing of OpenTelemetry is imported, and a trace that a request came with is
carried on all the same (tunelet.tracing). Sampling, headers, time-outs and resource attributes are
set by OpenTelemetry's own variables.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from tunelet.errors import FieldError, Reject

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Spans:
    """Makes spans and sends them in the background, the last ones when the process ends."""

    def __init__(self, tracer: "Tracer") -> None:
        self._tracer = tracer

    @contextmanager
    def span(self, name: str, traceparent: str | None, consumed: bool) -> "Iterator[Span]":
        """A span below `traceparent`, or the root of a trace. `consumed`: it handles an event."""
        from opentelemetry.trace import SpanKind

        kind = SpanKind.CONSUMER if consumed else SpanKind.SERVER
        with self._tracer.start_as_current_span(name, _context(traceparent), kind) as span:
            yield span

    def link(self, span: "Span", traceparent: str) -> None:
        """Link the span to the trace in which its work continued."""
        from opentelemetry.trace import get_current_span

        span.add_link(get_current_span(_context(traceparent)).get_span_context())

    def end(self, span: "Span", code: int) -> None:
        """Set the status code of the answer."""
        from opentelemetry.trace import StatusCode

        span.set_attribute("http.response.status_code", code)
        if code >= 500:
            span.set_status(StatusCode.ERROR)


@cache
def spans() -> Spans | None:
    """The spans that the environment configures, created once for each process."""
    return spans_of(os.environ)


def spans_of(environ: Mapping[str, str]) -> Spans | None:
    """None without an endpoint in `environ`. Raises `Reject` if the libraries are absent."""
    if not any(environ.get(name) for name in _ENDPOINTS) or _disabled(environ):
        return None
    try:
        return Spans(_tracer(environ))
    except ModuleNotFoundError as missing:
        name = next(name for name in _ENDPOINTS if environ.get(name))
        remedy = "install tunelet[telemetry], or unset it"
        error = FieldError(name, environ[name], f"needs {missing.name}", remedy)
        raise Reject("traces cannot be sent", [error]) from missing


def _context(traceparent: str | None) -> "Context":
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(
        {"traceparent": traceparent} if traceparent else {}
    )


def carried(span: "Span") -> str:
    """The span as a `traceparent`."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _tracer(environ: Mapping[str, str]) -> "Tracer":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named: dict[str, Any] = {"service.name": environ.get("OTEL_SERVICE_NAME") or "tunelet"}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("tunelet")


def _disabled(environ: Mapping[str, str]) -> bool:
    return environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
