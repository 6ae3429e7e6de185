"""A JSON file that is written while it is read: objects a line, one list, or one object.

- An object a line: read on as lines are added, however large it grows.
- A list of objects: what was added to it since the last look counts.
- One object: counts anew whenever it says something else, as when it is overwritten after
  every epoch.

A document that is not a line an object is read whole, at most 256 KiB of it: the collector
has little memory. One that is half written is looked at again.
"""

import json
import sys
from typing import Any

from adapters.growing import Growing, opened
from tunelet.metrics import Parser, numbers
from tunelet.trial import Report

DOCUMENT_BYTES = 256 * 1024
_CHUNK = 1 << 16


class JsonFile:
    def __init__(self, path: str, parser: Parser) -> None:
        self._path = path
        self._parser = parser
        self._lines: Growing | None = None
        self._raw = b""
        self._members: list[dict[str, Any]] = []

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
        return self._take(data, _members(data))

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

    def _take(self, data: bytes, members: list[dict[str, Any]] | None) -> list[Report]:
        if members is None:
            return []
        known = len(self._members)
        start = known if members[:known] == self._members else 0
        self._raw, self._members = data, members
        return [each for member in members[start:] for each in self._parser.take(numbers(member))]

    def _whole(self) -> bytes:
        file = opened(self._path)
        if file is None:
            return b""
        with file:
            return file.read(DOCUMENT_BYTES + 1)


def _has_lines(data: bytes) -> bool:
    """The first of several lines is an object by itself."""
    first, _, rest = data.lstrip().partition(b"\n")
    return bool(rest.strip()) and isinstance(_loads(first), dict)


def _members(data: bytes) -> list[dict[str, Any]] | None:
    """The objects of a whole document; None where there is none."""
    document = _loads(data)
    listed = document if isinstance(document, list) else [document]
    members = [each for each in listed if isinstance(each, dict)]
    return members if len(members) == len(listed) else None


def _loads(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
