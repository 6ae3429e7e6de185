"""A cache of the segments that this process used last, over all experiments, of bounded size."""

import threading
from collections.abc import Hashable

ROOM = 32 << 20
"""The most bytes that are kept."""


class Recent:
    """Bytes by key. Threads may share one."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._kept: dict[Hashable, bytes] = {}
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        return self._kept.get(key)

    def keep(self, key: Hashable, data: bytes) -> None:
        """Keep the bytes, and drop the least recently used ones beyond the bound."""
        with self._lock:
            self._forget(key)
            self._kept[key] = data
            self._size += len(data)
            while self._size > self._room:
                self._forget(next(iter(self._kept)))

    def _forget(self, key: Hashable) -> None:
        self._size -= len(self._kept.pop(key, b""))
