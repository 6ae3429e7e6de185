"""Limits repeated warnings and errors: each is logged now and then, with the number left out.

A store that is away meets every experiment's every step. One line says so; a hundred a second would
fill the disk and hide the others.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable

from tunelet.core.bounded_cache import BoundedCache

SECONDS = 10.0
"""Seconds for which a line is not repeated."""

ALIKE = 20
"""Lines in that time that differ only in their experiment or key."""

_KEPT = 1000


class Repeats(logging.Filter):
    """Lets through the first of the same lines, and the next one no sooner than `SECONDS` later."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._kept = BoundedCache[Hashable, _Line](count=_KEPT)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        kind = (record.name, record.levelno, str(record.msg))
        with self._lock:
            alike = self._line(kind)
            same = self._line((*kind, *_about(record)))
            if same.lines or alike.lines >= ALIKE:
                same.left_out += 1
                return False
            same.lines, alike.lines = 1, alike.lines + 1
            left_out, same.left_out = same.left_out, 0
        if left_out:
            record.msg = f"{record.getMessage()} (and {left_out} times more since the last line)"
            record.args = ()
        return True

    def _line(self, key: Hashable) -> "_Line":
        """The line of this key; a new one once its time has passed."""
        now = self._clock()
        line = self._kept.take(key) or _Line(now)
        if now - line.since >= SECONDS:
            line.since, line.lines = now, 0
        self._kept.put(key, line)
        return line


class _Line:
    def __init__(self, since: float) -> None:
        self.since = since
        self.lines = 0
        """Let through since then."""
        self.left_out = 0


def _about(record: logging.LogRecord) -> tuple[str, ...]:
    fault = record.exc_info[1] if record.exc_info else None
    fields = (getattr(record, name, "") for name in ("namespace", "experiment", "trial"))
    return (record.getMessage(), repr(fault), *map(str, fields))
