"""Structured logs: one JSON object a line on standard error, as log collectors read them.

The fields are `time`, `severity`, `message`, `function`, and where a line is about one,
`namespace`, `experiment` and `trial`, given as `extra=` of the logging call.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

LOGGER = logging.getLogger("tunelet")

_FIELDS = ("namespace", "experiment", "trial", "function")


class JsonLines(logging.Formatter):
    """A record as one line of JSON; `function` is which of the functions runs here."""

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
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(function: str, stream: TextIO | None = None) -> None:
    """Send the log of this process to `stream` (standard error unless given), from INFO up."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(function))
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
