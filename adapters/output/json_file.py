"""A JSON file that is written while it is read: objects a line, one list, or one object.

- An object a line: read on as lines are added, however large it grows.
- A list of objects: what was added to it since the last look counts.
- One object: counts anew whenever it says something else, as when it is overwritten after
  every epoch.

A document that is not a line an object is read anew whenever it has changed; one of more than
1 MiB only once the training has ended, for each look reads all of it. A list is read an object at
a time, so it may have any size; of one object `largest` bytes are read at most. A document that
is half written is looked at again. At the end it is a `fault`, and so is an object that is too
large: the last value cannot be known then.
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
"""Reading one takes some ten times as much memory; the collector has 64 MiB."""
DOCUMENT_BYTES = 1 << 20
_CHUNK = 1 << 18
_BEGIN_BYTES = 1 << 16
_MARK = b"\xef\xbb\xbf"
_BETWEEN = re.compile(r"[\s,\[\]]*+")
_decode = json.JSONDecoder().raw_decode


class Unreadable(Exception):
    """Why a document cannot be read to its end."""


class JsonFile:
    """Read as `growing.TextFile` is."""

    def __init__(self, path: str, parser: Parser, largest: int = OBJECT_BYTES) -> None:
        self._path = path
        self._parser = parser
        self._largest = largest
        self._lines: TextFile | None = None
        self._seen: tuple[int, int, int] | None = None
        self._known: list[int] = []
        """Of each object of the document that was taken, a hash."""
        self._fault: str | None = None

    @property
    def more(self) -> bool:
        """There may be more to read now."""
        return self._lines is not None and self._lines.more

    @property
    def fault(self) -> str | None:
        """Why it could not be read to its end, if it could not."""
        return self._fault

    def read(self, limit: int = _CHUNK) -> list[Report]:
        """What is new; of lines the reports of `limit` bytes at most."""
        found = [] if self._lines else self._look(ended=False)
        return found + self._lines.read(limit) if self._lines else found

    def close(self) -> list[Report]:
        """All that is left. The file will not change any more."""
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
            begin = file.read(_BEGIN_BYTES)
            if _has_lines(begin):
                self._lines = TextFile(self._path, self._parser, self._begun(begin))
                return []
            if not ended and state.st_size > DOCUMENT_BYTES:
                return []
            self._seen = seen
            file.seek(0)
            return self._take(file, ended)

    def _begun(self, begin: bytes) -> bytes:
        """Of a file that was taken for one object until a second line came, the first line."""
        first, end, _ = begin.partition(b"\n")
        return first + end if self._known == [_hash(document(first))] else b""

    def _take(self, file: FileIO, ended: bool) -> list[Report]:
        found: list[Report] = []
        index, last = -1, None
        try:
            for index, each in enumerate(objects(file, self._largest)):
                last = each
                if self._known[index : index + 1] != [_hash(each)]:
                    self._known[index:] = [_hash(each)]
                    found += self._parser.take_object(each)
        except Unreadable as error:
            self._fault = str(error) if ended else None
        if ended and last is not None and index + 1 < len(self._known):
            # It was written again with fewer objects: what it says last counts.
            found += self._parser.take_object(last)
        return found


def objects(file: FileIO, largest: int) -> Iterator[dict[str, Any]]:
    """The objects of the list that the file is, or that follow each other in it.

    Raises `Unreadable` at the first byte that belongs to no object, where one has more than
    `largest` bytes, and where the file ends before its list or object does.
    """
    data, tried, opening, last = b"", 0, b"", b""
    ended = False
    while not ended:
        chunk = file.read(_CHUNK)
        ended = not chunk
        data += chunk
        opening = opening or data.removeprefix(_MARK).lstrip()[:1]
        last = chunk.rstrip()[-1:] or last
        # An object that is not complete is tried again once twice as much of it is there.
        if ended or len(data) >= 2 * tried:
            at = 0
            text = data[: data.rfind(b"}") + 1].decode(errors="replace").removeprefix("\ufeff")
            while (at := _after(_BETWEEN, text, at)) < len(text):
                try:
                    found, at = _decode(text, at)
                except (ValueError, RecursionError):
                    break
                if not isinstance(found, dict):
                    raise Unreadable("it has something else than objects in its list")
                yield found
            data = text[at:].encode() + data[data.rfind(b"}") + 1 :]
            tried = len(data)
        if len(data) > largest:
            raise Unreadable(f"it has an object of more than {largest >> 20} MiB")
    if data.strip(b" \t\r\n,]") or (opening == b"[") != (last == b"]"):
        raise Unreadable("it is no JSON to its end")


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _hash(found: object) -> int:
    return hash(json.dumps(found))


def _has_lines(begin: bytes) -> bool:
    """What begins so is lines, of which some are objects, and no document of several lines."""
    first, end, rest = begin.removeprefix(_MARK).lstrip().partition(b"\n")
    rest = rest.lstrip()
    if first[:1] == b"[":
        inner = (first[1:] + b" " + rest).lstrip()
        return bool(end) and inner[:1] not in (b"{", b"]", b"")
    if first[:1] != b"{":
        return bool(first)
    return bool(end and rest) and (rest[:1] == b"{" or isinstance(document(first), dict))
