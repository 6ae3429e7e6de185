"""Limit the outputs that are sent at a time, because a slow reader occupies its thread."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from tunelet.errors import Retry

_PAUSE = 2.0


class Streams:
    """Opens at most `limit` outputs at a time, and lets no namespace take all places.

    A namespace gets a further place only if more are free than it has. So one alone gets half,
    and the first output of others finds a place.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = Counter[str]()
        self._lock = threading.Lock()

    def open(self, chunks: Iterator[bytes], namespace: str) -> "Stream":
        """Begin an output; its errors are raised here. Raises `Retry` if there are too many."""
        with self._lock:
            if self._open[namespace] >= self._limit - self._open.total():
                raise Retry("as many outputs are being read as may be at a time", _PAUSE)
            self._open[namespace] += 1
        stream = Stream(chunks, partial(self._closed, namespace))
        try:
            stream.begin()
        except BaseException:
            stream.close()
            raise
        return stream

    def _closed(self, namespace: str) -> None:
        with self._lock:
            self._open[namespace] -= 1
            if not self._open[namespace]:
                del self._open[namespace]


class Stream(Iterator[bytes]):
    """An open output. It counts until it is read to its end or closed by the server."""

    def __init__(self, chunks: Iterator[bytes], closed: Callable[[], None]) -> None:
        self._chunks, self._closed = chunks, closed
        self._first: bytes | None = None
        self._open = True

    def begin(self) -> None:
        self._first = next(self._chunks, None)

    def __next__(self) -> bytes:
        first, self._first = self._first, None
        try:
            return next(self._chunks) if first is None else first
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        if self._open:
            self._open = False
            self._closed()
            if close := getattr(self._chunks, "close", None):
                close()
