"""Reads files while the training code writes them.

A file is opened so that a FIFO does not block the reader, and a link in the file's place does not
show it files that the training code may not read.
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
    """Open the regular file for reading. Returns None if it is absent or anything else."""
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
    """One file. Each `read` returns the bytes that were added since the last one.

    If the file was replaced, or has another beginning, it is read from its start.
    """

    def __init__(self, path: str, begun: bytes = b"") -> None:
        """`begun` has the bytes from the file's start that were read already."""
        self._path = path
        self._offset = len(begun)
        self._head = begun[:_HEAD_BYTES]
        self._sum = zlib.crc32(begun)
        self.beginnings = 1
        """How often the file was read from its start."""
        self._seen: tuple[int, int, int] | None = None

    def read(self, limit: int) -> bytes:
        """Return at most `limit` bytes; none if nothing was added, or if the file is absent."""
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
        """Compare all bytes read with the present ones; if they differ, begin from the start.

        Nothing else detects a file that was written again with the same size and beginning.
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

    Call `read` until not `more`, and `close` after the training's end. Then `fault` is the reason
    why the file was not read to its end, or None. `json_file.JsonFile` and
    `tensorboard.EventFolder` are used in the same way.
    """

    def __init__(self, path: str, parser: Parser, begun: bytes = b"") -> None:
        self._file = Growing(path, begun)
        self._parser = parser
        self._beginnings = 1
        self.more = False
        self.fault: str | None = None

    def read(self, limit: int) -> list[Report]:
        """Return the reports of new bytes, at most `limit` of them."""
        data = self._file.read(limit)
        self.more = len(data) == limit
        found: list[Report] = []
        if self._beginnings != self._file.beginnings:
            self._beginnings = self._file.beginnings
            # An incomplete line of the earlier file must not become the beginning of this one.
            found = self._parser.feed(b"\n")
        return found + self._parser.feed(data)

    def close(self) -> list[Report]:
        """Return the remaining reports. The file must not change any more."""
        self._file.check()
        found = self.read(_CHUNK)
        while self.more:
            found += self.read(_CHUNK)
        return found + self._parser.close()
