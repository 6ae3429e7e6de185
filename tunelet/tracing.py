"""The W3C trace context of the present call: passed on, never interpreted.

It comes with an HTTP request or an event, and continues in events (the extension `traceparent`)
and into runs (TRACEPARENT), so that one trace leads from submit to the outcomes of trials. Sources:
W3C Trace Context, https://www.w3.org/TR/trace-context/; CloudEvents' distributed tracing extension;
OpenTelemetry's environment variables as context carriers.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tunelet.text.lazy_pattern import lazy_pattern

_FORM = lazy_pattern(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current() -> str | None:
    """The `traceparent` of what this thread does; None if it belongs to no trace."""
    return _current.get()


def trace_id() -> str | None:
    """The trace's identity, 32 hex digits."""
    found = _FORM.fullmatch(_current.get() or "")
    return found[1] if found else None


def join(traceparent: str) -> None:
    """Continue this trace until the surrounding `within` ends. Anything else is ignored."""
    if _FORM.fullmatch(traceparent):
        _current.set(traceparent)


@contextmanager
def within(traceparent: str | None) -> Iterator[None]:
    """Continue this trace for the time of the block; without a valid one, belong to no trace."""
    known = traceparent if traceparent and _FORM.fullmatch(traceparent) else None
    token = _current.set(known)
    try:
        yield
    finally:
        _current.reset(token)
