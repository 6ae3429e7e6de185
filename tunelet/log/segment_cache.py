"""A cache of the segments that this process used last, over all experiments, of bounded size."""

import threading
from collections.abc import Hashable

from tunelet.core.bounded_cache import BoundedCache

ROOM = 32 << 20
"""The most bytes that are kept."""


class Recent:
    """Bytes by key. Threads may share one."""

    def __init__(self, room: int = ROOM) -> None:
        self._kept = BoundedCache[Hashable, bytes](weight=room)
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        return self._kept.get(key)

    def keep(self, key: Hashable, data: bytes) -> None:
        """Keep the bytes, and drop the least recently used ones beyond the bound."""
        with self._lock:
            self._kept.put(key, data, len(data))
