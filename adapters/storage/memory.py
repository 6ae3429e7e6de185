"""Objects in this process's memory, for tests, benchmarks and experiments that may be lost."""

import threading
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from adapters.storage.keys import added, checked
from tunelet.ports import Store, Stored


def open_url(url: str) -> "MemoryStore":
    return MemoryStore(url)


class MemoryStore:
    """A dictionary with a lock."""

    def __init__(self, url: str = "memory://") -> None:
        self.url = url
        self._lock = threading.Lock()
        self._objects: dict[str, Stored] = {}
        self._writes = 0

    def get(self, key: str) -> Stored | None:
        return self._objects.get(checked(key))

    def part(self, key: str, start: int, size: int) -> bytes | None:
        stored = self.get(key)
        return None if stored is None else stored.data[start : start + size]

    def create(self, key: str, data: bytes) -> bool:
        with self._lock:
            return checked(key) not in self._objects and self._write(key, data)

    def put(self, key: str, data: bytes) -> None:
        with self._lock:
            self._write(key, data)

    def replace(self, key: str, data: bytes, version: str) -> bool:
        with self._lock:
            present = self._objects.get(checked(key))
            return present is not None and present.version == version and self._write(key, data)

    def copy(self, key: str, to: str) -> bool:
        with self._lock:
            present = self._objects.get(checked(key))
            return present is not None and self._write(to, present.data)

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(checked(key), None)

    def ready(self) -> None:
        self.get("v1/ready")

    def size(self, prefix: str, most: int) -> int:
        with self._lock:
            found = (len(s.data) for key, s in self._objects.items() if key.startswith(prefix))
            return added(found, most)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        with self._lock:
            keys = sorted((k for k in self._objects if k.startswith(prefix)), key=str.encode)
        start = bisect_right(keys, after.encode(), key=str.encode)
        return iter(keys[start:] if limit is None else keys[start : start + limit])

    def _write(self, key: str, data: bytes) -> bool:
        self._writes += 1
        self._objects[checked(key)] = Stored(bytes(data), str(self._writes))
        return True


if TYPE_CHECKING:
    _: type[Store] = MemoryStore
