"""Files that training code is still writing, read as they grow.

Opened so that neither a FIFO makes the reader wait nor a link in a file's place shows it what
the training code may not see.
"""

import os
import stat
from errno import ELOOP, ENXIO
from io import FileIO

_HEAD_BYTES = 256


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
                self._offset, self._head = 0, b""
            self._seen = seen
            file.seek(self._offset)
            data = file.read(limit)
        self._offset += len(data)
        self._head += data[: _HEAD_BYTES - len(self._head)]
        return data

    def _is_another(self, file: FileIO, found: os.stat_result) -> bool:
        if self._seen is not None and found.st_ino != self._seen[0]:
            return True
        if found.st_size < self._offset:
            return True
        return file.read(len(self._head)) != self._head
