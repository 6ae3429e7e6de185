"""Strips the timestamp before each line of a log, and resumes after an interruption.

Kubernetes returns a log only from some second on. So the position is the timestamp of the last
line, the line's place among those with the same timestamp, and the number of its bytes that were
returned. When the log is read again, only bytes after this position are returned. Only the end of
a line is held, so lines may have any length.

A log that is rotated during an interruption loses its beginning, and perhaps lines that were never
read. If the line at the position is not found again, that counts as one of the `gaps`.
"""

import re

_STAMP_BYTES = 64
_LAST_BYTES = 1 << 15
"""Twice the largest piece of a line that a container runtime writes at once."""
_STAMP = re.compile(rb"[0-9]{4}-[0-9-]{5}T[0-9:.]+(Z|[+-][0-9:]+)")


class Stamped:
    def __init__(self) -> None:
        self._place = (b"", 0)
        self._passed = 0
        self._last = b""
        self.first: str | None = None
        """The timestamp of the log's first line."""
        self.gaps = 0
        """How often lines may be missing between those that were returned."""
        self.connect()

    @property
    def since(self) -> str | None:
        """The time from which to read the log again: RFC 3339, in whole seconds."""
        stamp, _ = self._place
        if not stamp:
            return None
        seconds, _, rest = stamp.decode().partition(".")
        return seconds + rest.lstrip("0123456789")

    def connect(self) -> None:
        """Begin to strip the log from `since` on."""
        self._head = bytearray()
        self._in_head = True
        self._line = (b"", -1)
        self._skip: int | None = 0
        """How many bytes of this line to skip; None: all."""
        self._caught_up = not self._place[0]

    def finish(self) -> bytes:
        """Note that the log was stripped from `since` to its end since `connect`.

        Raises `ValueError`, with the text, if the log is too short to have a timestamp.
        """
        if self._head:
            raise ValueError("a line of the log has no timestamp", bytes(self._head))
        self.gaps += not self._caught_up
        self._caught_up = True
        return b""

    def ends_with(self, last: bytes) -> bool:
        """Whether `last`, the last line of the log with its timestamp, was returned completely.

        If the line is long, Kubernetes gives its last piece with that piece's timestamp.
        """
        stamp, _, text = last.rstrip(b"\n").partition(b" ")
        if not stamp:  # The log is empty now.
            return not self._place[0] or self.gaps > 0
        found = self._last.rstrip(b"\n").endswith(text[1 - _LAST_BYTES :])
        return found and (stamp == self._place[0] or self._passed > len(text) + 1)

    def strip(self, data: bytes) -> bytes:
        """Return the new text in a piece of the log, without timestamps.

        Raises `ValueError` if a line begins without a timestamp.
        """
        new: list[bytes] = []
        at = 0
        while at < len(data):
            if self._in_head:
                at = self._read_head(data, at)
                continue
            end = data.find(b"\n", at) + 1 or len(data)
            new.append(self._pass_on(data[at:end]))
            self._in_head = data[end - 1] == 10
            at = end
        return b"".join(new)

    def _read_head(self, data: bytes, at: int) -> int:
        end = data.find(b" ", at, at + _STAMP_BYTES)
        self._head += data[at : end if end >= 0 else at + _STAMP_BYTES]
        if end < 0 and len(self._head) < _STAMP_BYTES:
            return len(data)
        if not _STAMP.fullmatch(self._head):
            raise ValueError("a line of the log has no timestamp")
        self._begin(bytes(self._head))
        self._head.clear()
        self._in_head = False
        return end + 1

    def _begin(self, stamp: bytes) -> None:
        self.first = self.first or stamp.decode()
        self._line = (stamp, self._line[1] + 1 if stamp == self._line[0] else 0)
        if not self._caught_up and self._line == self._place:
            self._caught_up, self._skip = True, self._passed
        elif self._caught_up or self._line > self._place:
            # If the clock was set back, later lines must still be returned.
            self.gaps += not self._caught_up
            self._caught_up, self._skip = True, 0
            self._place, self._passed, self._last = self._line, 0, b""
        else:
            self._skip = None

    def _pass_on(self, part: bytes) -> bytes:
        if self._skip is None:
            return b""
        new = part[self._skip :]
        self._skip -= len(part) - len(new)
        self._passed += len(new)
        self._last = (self._last + new)[-_LAST_BYTES:]
        return new
