"""A store that is as far away as a bucket: every request takes so many seconds longer."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from tunelet.ports import Store, Stored

SECONDS = 0.06
"""What one GET takes on S3 in the median; a PUT there takes longer."""

PAGE = 1000
"""Keys in one answer to a LIST, on S3 and Google Cloud Storage at most."""

T = TypeVar("T")


class Far:
    """`store` behind a delay: half of it on the way there, half on the way back."""

    def __init__(self, store: Store, seconds: float = SECONDS) -> None:
        self.url = store.url
        self._store = store
        self._half = seconds / 2

    def get(self, key: str) -> Stored | None:
        return self._there_and_back(lambda: self._store.get(key))

    def create(self, key: str, data: bytes) -> bool:
        return self._there_and_back(lambda: self._store.create(key, data))

    def put(self, key: str, data: bytes) -> None:
        self._there_and_back(lambda: self._store.put(key, data))

    def replace(self, key: str, data: bytes, version: str) -> bool:
        return self._there_and_back(lambda: self._store.replace(key, data, version))

    def delete(self, key: str) -> None:
        self._there_and_back(lambda: self._store.delete(key))

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        keys = self._store.list(prefix, after, limit)
        more = True
        while more:
            page = self._there_and_back(lambda: tuple(islice(keys, PAGE)))
            more = len(page) == PAGE
            yield from page

    def _there_and_back(self, request: Callable[[], T]) -> T:
        time.sleep(self._half)
        answer = request()
        time.sleep(self._half)
        return answer


_: type[Store] = Far
