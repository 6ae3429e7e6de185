"""Limit the outputs that are sent at a time, because a slow reader occupies its thread."""

import threading
from collections.abc import Iterator

from tunelet.errors import Retry

_PAUSE = 2.0


class Streams:
    """Opens at most `limit` outputs at a time."""

    def __init__(self, limit: int) -> None:
        self._free = threading.BoundedSemaphore(limit)
        self._limit = limit

    def open(self, chunks: Iterator[bytes]) -> "Stream":
        """Begin an output; its errors are raised here. Raises `Retry` if there are too many."""
        if not self._free.acquire(blocking=False):
            raise Retry(f"{self._limit} outputs are being read, which is all at a time", _PAUSE)
        stream = Stream(chunks, self._free)
        try:
            stream.begin()
        except BaseException:
            stream.close()
            raise
        return stream


class Stream(Iterator[bytes]):
    """An open output. It counts until it is read to its end or closed by the server."""

    def __init__(self, chunks: Iterator[bytes], place: threading.BoundedSemaphore) -> None:
        self._chunks, self._place = chunks, place
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
            self._place.release()
            if close := getattr(self._chunks, "close", None):
                close()
