"""Files that training code is still writing, read as they grow.

Opened so that neither a FIFO makes the reader wait nor a link in a file's place shows it what
the training code may not see.
"""

import os
import stat
import zlib
from errno import ELOOP, ENXIO
from io import FileIO

from tunelet.core.trial import Report
from tunelet.training.metrics import Parser

_HEAD_BYTES = 256
_CHUNK = 1 << 18


def opened(path: str) -> FileIO | None:
    """The regular file, for reading; None if there is none, or something else in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except OSError as error:
        if error.errno in (ELOOP, ENXIO):
            return None
        raise
    file = FileIO(descriptor)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return file
    file.close()
    return None


class Growing:
    """One file, of which each `read` gives what was added since the last.

    A file that turns out to be another, or to have another beginning, is read from its start.
    """

    def __init__(self, path: str, begun: bytes = b"") -> None:
        """`begun` is what is known of it already, from its start."""
        self._path = path
        self._offset = len(begun)
        self._head = begun[:_HEAD_BYTES]
        self._sum = zlib.crc32(begun)
        self.beginnings = 1
        """How often it was read from its start."""
        self._seen: tuple[int, int, int] | None = None

    def read(self, limit: int) -> bytes:
        """At most `limit` bytes; none if nothing was added, or there is no such file."""
        file = opened(self._path)
        if file is None:
            return b""
        with file:
            found = os.fstat(file.fileno())
            seen = (found.st_ino, found.st_size, found.st_mtime_ns)
            if seen == self._seen and self._offset == found.st_size:
                return b""
            if self._offset and self._is_another(file, found):
                self._begin_anew()
            self._seen = seen
            file.seek(self._offset)
            data = file.read(limit)
        self._offset += len(data)
        self._head += data[: _HEAD_BYTES - len(self._head)]
        self._sum = zlib.crc32(data, self._sum)
        return data

    def check(self) -> None:
        """Compare all that was read with what is there now; begin anew where it is not the same.

        A file that was written again with as many bytes and the same beginning shows only so.
        """
        file = opened(self._path)
        if file is None:
            return
        with file:
            left, found = self._offset, 0
            while data := file.read(min(_CHUNK, left)):
                left -= len(data)
                found = zlib.crc32(data, found)
        if left or found != self._sum:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._offset, self._head, self._sum = 0, b"", 0
        self.beginnings += 1

    def _is_another(self, file: FileIO, found: os.stat_result) -> bool:
        if self._seen is not None and found.st_ino != self._seen[0]:
            return True
        if found.st_size < self._offset:
            return True
        return file.read(len(self._head)) != self._head


class TextFile:
    """A file of lines, read into `parser` as it grows.

    The other files of metrics (`collector.jsonfile`, `tensorboard`) are read in the same way:
    `read` until not `more`, and after the training's end `close`. Then `fault` says why the file
    could not be read to its end, if it could not.
    """

    def __init__(self, path: str, parser: Parser, begun: bytes = b"") -> None:
        self._file = Growing(path, begun)
        self._parser = parser
        self._beginnings = 1
        self.more = False
        self.fault: str | None = None

    def read(self, limit: int) -> list[Report]:
        """The reports of `limit` bytes, at most, of what was added since the last time."""
        data = self._file.read(limit)
        self.more = len(data) == limit
        found: list[Report] = []
        if self._beginnings != self._file.beginnings:
            self._beginnings = self._file.beginnings
            # What was read of a line of the file before is no beginning of this one's first.
            found = self._parser.feed(b"\n")
        return found + self._parser.feed(data)

    def close(self) -> list[Report]:
        """All that is left. The file will not change any more."""
        self._file.check()
        found = self.read(_CHUNK)
        while self.more:
            found += self.read(_CHUNK)
        return found + self._parser.close()
