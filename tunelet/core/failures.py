"""A limit on refused credentials, for checks that cost a request to another system.

A token bucket that only failures fill: callers with valid credentials are never counted.
"""

import threading
from collections.abc import Callable

from tunelet.core.bounded_cache import BoundedCache
from tunelet.errors import Throttled

PER_SECOND = 20.0
BURST = 100
"""The failures in a row that are answered at once."""

_KEPT = 10_000


class Failures:
    """Counts the failures of a process by a key, such as a namespace. Threads may share one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._empty_at: BoundedCache[str, float] = BoundedCache(count=_KEPT)
        """When no failure counts any more."""

    def check(self, key: str = "") -> None:
        """Raise `Throttled`, with the seconds to wait, after too many failures."""
        with self._lock:
            after = (self._empty_at.get(key) or 0.0) - self._clock() - BURST / PER_SECOND
        if after > 0:
            raise Throttled("too many unknown credentials were sent; send this again later", after)

    def count(self, key: str = "") -> None:
        with self._lock:
            now = self._clock()
            self._empty_at.put(key, max(self._empty_at.get(key) or now, now) + 1 / PER_SECOND)
