"""A JSON file that is written while it is read: objects a line, one list, or one object.

- An object a line: read on as lines are added, however large it grows.
- A list of objects: what was added to it since the last look counts.
- One object: counts anew whenever it says something else, as when it is overwritten after
  every epoch.

A document that is not a line an object is read whole, at most 256 KiB of it: the collector
has little memory. One that is half written is looked at again.
"""

import sys
from typing import Any

from adapters.growing import Growing, opened
from tunelet.metrics import Parser
from tunelet.training.objects import document, members
from tunelet.trial import Report

DOCUMENT_BYTES = 256 * 1024
_CHUNK = 1 << 16


class JsonFile:
    def __init__(self, path: str, parser: Parser) -> None:
        self._path = path
        self._parser = parser
        self._lines: Growing | None = None
        self._raw = b""
        self._objects: list[dict[str, Any]] = []

    def read(self) -> list[Report]:
        """The next of what is new; nothing: there is nothing more now."""
        if self._lines is not None:
            return self._read_lines(self._lines)
        data = self._whole()
        if data == self._raw:
            return []
        if len(data) > DOCUMENT_BYTES or _has_lines(data):
            if not _has_lines(data):
                print(f"tunelet: {self._path} is too large a document", file=sys.stderr)
            begun = self._raw if data.startswith(self._raw) else b""
            self._lines = Growing(self._path, begun)
            return self._read_lines(self._lines)
        return self._take(data, members(data))

    def close(self) -> list[Report]:
        """The file will not change any more."""
        if self._lines is None and self._raw != (data := self._whole()):
            return self._parser.feed(data) + self._parser.close()
        return self._parser.close()

    def _read_lines(self, lines: Growing) -> list[Report]:
        while data := lines.read(_CHUNK):
            if found := self._parser.feed(data):
                return found
        return []

    def _take(self, data: bytes, objects: list[dict[str, Any]] | None) -> list[Report]:
        if objects is None:
            return []
        known = len(self._objects)
        start = known if objects[:known] == self._objects else 0
        self._raw, self._objects = data, objects
        return [each for member in objects[start:] for each in self._parser.take_object(member)]

    def _whole(self) -> bytes:
        file = opened(self._path)
        if file is None:
            return b""
        with file:
            return file.read(DOCUMENT_BYTES + 1)


def _has_lines(data: bytes) -> bool:
    """The first of several lines is an object by itself."""
    first, _, rest = data.lstrip().partition(b"\n")
    return bool(rest.strip()) and isinstance(document(first), dict)
