"""A limit on refused credentials, for checks that cost another system a request.

A token bucket that only failures fill: callers with valid credentials are never counted.
"""

import threading
from collections.abc import Callable

from tunelet.errors import Throttled

PER_SECOND = 20.0
BURST = 100
"""The failures in a row that are answered at once."""


class Failures:
    """Counts the failures of a process. Threads may share one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._empty_at = 0.0
        """When no failure counts any more."""

    def check(self) -> None:
        """Raise `Throttled`, with the seconds to wait, after too many failures."""
        with self._lock:
            after = self._empty_at - self._clock() - BURST / PER_SECOND
        if after > 0:
            raise Throttled("too many unknown credentials were sent; send this again later", after)

    def count(self) -> None:
        with self._lock:
            self._empty_at = max(self._empty_at, self._clock()) + 1 / PER_SECOND
