"""Polls the service, and waits while it is unreachable."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from tunelet.errors import Retry

Seen = TypeVar("Seen")

PAUSE_SECONDS = 0.5
AWAY_SECONDS = 120.0


def polled(look: Callable[[], Seen]) -> Iterator[Seen | Retry]:
    """Yield each result of `look` forever, or the `Retry` that it raised.

    Raises the fault after `AWAY_SECONDS` without a result.
    """
    since = None
    while True:
        try:
            seen: Seen | Retry = look()
            since = None
        except Retry as fault:
            since = since or time.monotonic()
            if time.monotonic() - since > AWAY_SECONDS:
                raise
            seen = fault
        yield seen
        time.sleep(PAUSE_SECONDS)
