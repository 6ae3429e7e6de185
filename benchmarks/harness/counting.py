"""A Store wrapper that counts requests by the kinds that a cloud bills."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from adapters.storage.wrapper import Kind, StoreWrapper
from benchmarks.harness.delay import PAGE
from tunelet.ports import Store, Stored

T = TypeVar("T")

KINDS = ("put", "get", "list", "delete")


KIND_OF: dict[Kind, str] = {
    "get": "get",
    "ready": "get",
    "create": "put",
    "put": "put",
    "replace": "put",
    "copy": "put",
    "delete": "delete",
}


class Counting(StoreWrapper):
    """Counts the requests to `inner` in `calls`, by kind; each page of a listing is one LIST.

    Threads may share one.
    """

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
        self.objects_read = 0
        """GETs that found an object."""

    def request(self, kind: Kind, send: Callable[[], T]) -> T:
        self._count(KIND_OF[kind])
        return send()

    def get(self, key: str) -> Stored | None:
        stored = super().get(key)
        if stored is not None:
            with self._lock:
                self.objects_read += 1
        return stored

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        self._count("list")
        for index, key in enumerate(self.inner.list(prefix, after, limit)):
            if index and index % PAGE == 0:
                self._count("list")
            yield key

    def _count(self, kind: str) -> None:
        with self._lock:
            self.calls[kind] += 1
