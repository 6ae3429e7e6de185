"""Reads a JSON file while it is written: one object per line, a list, or one object.

- One object per line: reading continues as lines are added, whatever the file's size.
- A list of objects: objects that were added since the last reading count.
- One object: counts again whenever it has changed, for example because it is overwritten after
  every epoch.

A list or a single object is read again whenever the file has changed; a file of more than 1 MiB
only after the training has ended, because each reading takes the whole file. A list is read object
by object and may have any size; an object may have at most `largest` bytes. An incomplete document
is read again later. At the end it is a `fault`, and so is an object that is too large, because the
last value is then unknown.
"""

import json
import os
import re
from collections.abc import Iterator
from io import FileIO
from typing import Any

from adapters.output.growing_file import TextFile, opened
from tunelet.core.trial import Report
from tunelet.training.metrics import Parser
from tunelet.training.objects import document

OBJECT_BYTES = 1 << 20
"""The limit of an object. Reading one takes about ten times its size; the collector has 64 MiB."""
DOCUMENT_BYTES = 1 << 20
_CHUNK = 1 << 18
_BEGIN_BYTES = 1 << 16
_MARK = b"\xef\xbb\xbf"
_BETWEEN = re.compile(r"[\s,\[\]]*+")
_decode = json.JSONDecoder().raw_decode


class Unreadable(Exception):
    """A document cannot be read to its end; the message says why."""


class JsonFile:
    """A JSON file, read into `parser` as it grows. It is used like `growing_file.TextFile`."""

    def __init__(self, path: str, parser: Parser, largest: int = OBJECT_BYTES) -> None:
        self._path = path
        self._parser = parser
        self._largest = largest
        self._lines: TextFile | None = None
        self._seen: tuple[int, int, int] | None = None
        self._known: list[int] = []
        """The hash of each object of the document that was read."""
        self._fault: str | None = None

    @property
    def more(self) -> bool:
        """Whether there may be more to read now."""
        return self._lines is not None and self._lines.more

    @property
    def fault(self) -> str | None:
        """Why the file was not read to its end; None if it was."""
        return self._fault

    def read(self, limit: int = _CHUNK) -> list[Report]:
        """Return the new reports; if the file has lines, those of at most `limit` bytes."""
        found = [] if self._lines else self._look(ended=False)
        return found + self._lines.read(limit) if self._lines else found

    def close(self) -> list[Report]:
        """Return the remaining reports. The file must not change any more."""
        found = [] if self._lines else self._look(ended=True)
        return found + (self._lines.close() if self._lines else self._parser.close())

    def _look(self, ended: bool) -> list[Report]:
        file = opened(self._path)
        if file is None:
            return []
        with file:
            state = os.fstat(file.fileno())
            seen = (state.st_ino, state.st_size, state.st_mtime_ns)
            if not ended and seen == self._seen:
                return []
            # Nothing that is added from now on counts in this look: `_take` would read as parts of
            # a document what the next look reads as lines.
            begin = file.read(min(_BEGIN_BYTES, state.st_size))
            if _has_lines(begin):
                self._lines = TextFile(self._path, self._parser, self._begun(begin))
                return []
            if not ended and state.st_size > DOCUMENT_BYTES:
                return []
            self._seen = seen
            file.seek(0)
            return self._take(file, state.st_size, ended)

    def _begun(self, begin: bytes) -> bytes:
        """The first line, if it was already read as one object before a second line came."""
        first, end, _ = begin.partition(b"\n")
        return first + end if self._known == [_hash(document(first))] else b""

    def _take(self, file: FileIO, size: int, ended: bool) -> list[Report]:
        found: list[Report] = []
        index, last = -1, None
        try:
            for index, each in enumerate(objects(file, size, self._largest)):
                last = each
                if self._known[index : index + 1] != [_hash(each)]:
                    self._known[index:] = [_hash(each)]
                    found += self._parser.take_object(each)
        except Unreadable as error:
            self._fault = str(error) if ended else None
        if ended and last is not None and index + 1 < len(self._known):
            # It was written again with fewer objects: the last one counts.
            found += self._parser.take_object(last)
        return found


def objects(file: FileIO, size: int, largest: int) -> Iterator[dict[str, Any]]:
    """Yield the objects of the file's first `size` bytes, a list of objects or a sequence of them.

    Raises `Unreadable` at the first byte that belongs to no object, at an object of more than
    `largest` bytes, and if the bytes end inside a list or an object.
    """
    data, tried, opening, last = b"", 0, b"", b""
    ended = False
    while not ended:
        chunk = file.read(min(_CHUNK, size))
        size -= len(chunk)
        ended = not chunk
        data += chunk
        opening = opening or data.removeprefix(_MARK).lstrip()[:1]
        last = chunk.rstrip()[-1:] or last
        # An incomplete object is parsed again once twice as many bytes of it exist.
        if ended or len(data) >= 2 * tried:
            at = 0
            text = data[: data.rfind(b"}") + 1].decode(errors="replace").removeprefix("\ufeff")
            while (at := _after(_BETWEEN, text, at)) < len(text):
                try:
                    found, at = _decode(text, at)
                except (ValueError, RecursionError):
                    break
                if not isinstance(found, dict):
                    raise Unreadable("its list has an element that is not an object")
                yield found
            data = text[at:].encode() + data[data.rfind(b"}") + 1 :]
            tried = len(data)
        if len(data) > largest:
            raise Unreadable(f"it has an object of more than {largest >> 20} MiB")
    if data.strip(b" \t\r\n,]") or (opening == b"[") != (last == b"]"):
        raise Unreadable("it is not complete JSON")


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _hash(found: object) -> int:
    return hash(json.dumps(found))


def _has_lines(begin: bytes) -> bool:
    """Whether a file with this beginning has one object per line, not a document of many lines."""
    first, end, rest = begin.removeprefix(_MARK).lstrip().partition(b"\n")
    rest = rest.lstrip()
    if first[:1] == b"[":
        inner = (first[1:] + b" " + rest).lstrip()
        return bool(end) and inner[:1] not in (b"{", b"]", b"")
    if first[:1] != b"{":
        return bool(first)
    return bool(end and rest) and (rest[:1] == b"{" or isinstance(document(first), dict))
