"""Reads a folder of TensorFlow event files as they grow.

A scalar's tag is the metric's name. In a subfolder, as Keras makes them (`train/`, `validation/`),
the folder's path comes before the tag: `validation/epoch_loss`.
"""

import os
from collections.abc import Iterator

from adapters.output.growing_file import Growing
from tunelet.core.trial import Report, plain
from tunelet.training.metrics import Parser
from tunelet.training.tfevents import EventFile

_CHUNK = 1 << 18
FILES = 1_000


class EventFolder:
    """The event files below `path`, read into `parser`. It is used like `growing_file.TextFile`."""

    def __init__(self, path: str, parser: Parser) -> None:
        self._path = path
        self._parser = parser
        self._files: dict[str, _Growing] = {}
        self._left_out = False
        self.more = False

    @property
    def fault(self) -> str | None:
        """Why not everything was read; None if it was."""
        broken = [name for name, file in sorted(self._files.items()) if file.events.broken]
        if broken:
            at = self._files[broken[0]].events.read
            return f"{broken[0]} is not an event file from byte {at} on"
        return f"there are more than {FILES:,} event files" if self._left_out else None

    def read(self, limit: int) -> list[Report]:
        """Return the reports of new bytes, at most `limit` of them."""
        found: list[Report] = []
        for name in sorted(self._names()):
            if name not in self._files and len(self._files) >= FILES:
                self._left_out = True
                continue
            if name not in self._files:
                self._files[name] = _Growing(os.path.join(self._path, name))
            while limit > 0 and (data := self._files[name].read(min(_CHUNK, limit))):
                limit -= len(data)
                found += self._take(name, data)
        self.more = limit <= 0
        return found

    def close(self) -> list[Report]:
        """Return the remaining reports. The files must not change any more."""
        found = self.read(_CHUNK)
        while self.more:
            found += self.read(_CHUNK)
        return found

    def _names(self) -> Iterator[str]:
        for folder, _, files in os.walk(self._path):
            for name in files:
                if "tfevents" in name:
                    yield os.path.relpath(os.path.join(folder, name), self._path)

    def _take(self, name: str, data: bytes) -> Iterator[Report]:
        prefix = os.path.dirname(name)
        for scalar in self._files[name].events.feed(data):
            if scalar.step >= 0:
                metric = f"{prefix}/{scalar.tag}" if prefix else scalar.tag
                yield from self._parser.take_at(scalar.step, {metric: plain(scalar.value)})


class _Growing:
    """One event file."""

    def __init__(self, path: str) -> None:
        self._file = Growing(path)
        self._beginnings = 1
        self.events = EventFile()

    def read(self, limit: int) -> bytes:
        if self.events.broken and self._beginnings == self._file.beginnings:
            return b""
        data = self._file.read(limit)
        if self._beginnings != self._file.beginnings:
            self._beginnings, self.events = self._file.beginnings, EventFile()
        return data
