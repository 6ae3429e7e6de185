"""Structured logs: one JSON object a line on standard error, as log collectors read them.

The fields are `time`, `severity`, `message`, `function`, `trace_id` where there is a trace, and
`namespace`, `experiment` and `trial` where a line is about one: given as `extra=` of the logging
call, or else what the request is `about`.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from functions.telemetry.repeats import Repeats
from tunelet import tracing

LOGGER = logging.getLogger("tunelet")

_FIELDS = ("namespace", "experiment", "trial", "function")
_subject: ContextVar[Mapping[str, Any]] = ContextVar("subject", default={})  # noqa: B039 (never written)


@contextmanager
def request() -> Iterator[None]:
    """Limit what `about` sets to one request."""
    token = _subject.set({})
    try:
        yield
    finally:
        _subject.reset(token)


def about(**fields: Any) -> None:
    """Add namespace, experiment or trial to the request's log lines from here on."""
    _subject.set({**_subject.get(), **{k: v for k, v in fields.items() if v is not None}})


def subject() -> Mapping[str, Any]:
    """The namespace, experiment and trial of the request, if known."""
    return _subject.get()


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; `function` is the name of this process's function."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self._function = function

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "message": record.getMessage(),
            "function": self._function,
        }
        line |= subject()
        if found := tracing.trace_id():
            line["trace_id"] = found
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(function: str, stream: TextIO | None = None) -> None:
    """Send the log of this process to `stream` (standard error unless given), from INFO up."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(function))
    handler.addFilter(Repeats())
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
