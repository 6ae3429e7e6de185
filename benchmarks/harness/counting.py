"""How many requests of each kind a store is asked for, as a cloud's bill counts them."""

import threading
from collections import Counter
from collections.abc import Iterator

from benchmarks.harness.delay import PAGE
from tunelet.ports import Store, Stored

KINDS = ("put", "get", "list", "delete")


class Counting:
    """`store`, and `calls` by kind. A LIST is one for each page of its answer.

    Threads may share one.
    """

    def __init__(self, store: Store) -> None:
        self.url = store.url
        self._store = store
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
        self.objects_read = 0
        """GETs that found something."""

    def get(self, key: str) -> Stored | None:
        self._count("get")
        stored = self._store.get(key)
        if stored is not None:
            with self._lock:
                self.objects_read += 1
        return stored

    def create(self, key: str, data: bytes) -> bool:
        self._count("put")
        return self._store.create(key, data)

    def put(self, key: str, data: bytes) -> None:
        self._count("put")
        self._store.put(key, data)

    def replace(self, key: str, data: bytes, version: str) -> bool:
        self._count("put")
        return self._store.replace(key, data, version)

    def copy(self, key: str, to: str) -> bool:
        self._count("put")
        return self._store.copy(key, to)

    def delete(self, key: str) -> None:
        self._count("delete")
        self._store.delete(key)

    def ready(self) -> None:
        self._count("get")
        self._store.ready()

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        self._count("list")
        for index, key in enumerate(self._store.list(prefix, after, limit)):
            if index and index % PAGE == 0:
                self._count("list")
            yield key

    def _count(self, kind: str) -> None:
        with self._lock:
            self.calls[kind] += 1


_: type[Store] = Counting
