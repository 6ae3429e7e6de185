"""A folder of TensorFlow event files, read as they grow.

A scalar is the metric of its tag. In a subfolder, as Keras makes them (`train/`,
`validation/`), the folder's path comes before it: `validation/epoch_loss`.
"""

import os
from collections.abc import Iterator

from adapters.growing import Growing
from tunelet.metrics import Parser
from tunelet.tfevents import EventFile
from tunelet.trial import Report, plain

_CHUNK = 1 << 18
_FILES = 1_000


class EventFolder:
    """The event files below `path`, read into `parser`."""

    def __init__(self, path: str, parser: Parser) -> None:
        self._path = path
        self._parser = parser
        self._files: dict[str, tuple[Growing, EventFile]] = {}

    def read(self, limit: int) -> list[Report]:
        """The reports of some `limit` bytes, at most, of what was added since the last time."""
        found: list[Report] = []
        for name in sorted(self._names()):
            if name not in self._files and len(self._files) < _FILES:
                path = os.path.join(self._path, name)
                self._files[name] = Growing(path), EventFile()
            while limit > 0 and name in self._files:
                data = self._files[name][0].read(min(_CHUNK, limit))
                if not data:
                    break
                limit -= len(data)
                found += self._take(name, data)
        return found

    def _names(self) -> Iterator[str]:
        for folder, _, files in os.walk(self._path):
            for name in files:
                if "tfevents" in name:
                    yield os.path.relpath(os.path.join(folder, name), self._path)

    def _take(self, name: str, data: bytes) -> Iterator[Report]:
        prefix = os.path.dirname(name)
        for scalar in self._files[name][1].feed(data):
            if scalar.step >= 0:
                metric = f"{prefix}/{scalar.tag}" if prefix else scalar.tag
                yield from self._parser.take_at(scalar.step, {metric: plain(scalar.value)})
