"""The sources of values: the output, files and event files, each read until the training has ended.

A source yields reports as it finds them. Files are read twice a second.
"""

import sys
from collections.abc import Generator, Iterator
from threading import Event

from adapters.collector.settings import CollectorSettings
from adapters.output.growing_file import TextFile
from adapters.output.json_file import JsonFile
from adapters.output.tensorboard import EventFolder
from tunelet.core.trial import Report
from tunelet.training.metrics import Parser

_LOOK_SECONDS = 0.5
_LOOK_BYTES = 1 << 18


Found = Generator[list[Report], None, bool]
"""Yields reports as they are found. Returns whether everything was read without a gap."""


def reports(settings: CollectorSettings, parser: Parser, ended: Event) -> Found:
    """Yield the reports of the source, until everything is read that exists when `ended` is set."""
    source, path = settings.metrics.source, settings.metrics.path or ""
    if source == "stdout":
        return _of_output(settings, parser, ended)
    if source == "tensorboard":
        return _of_file(EventFolder(path, parser), ended)
    if settings.metrics.json:
        return _of_file(JsonFile(path, parser), ended)
    return _of_file(TextFile(path, parser), ended)


def _of_output(settings: CollectorSettings, parser: Parser, ended: Event) -> Found:
    from adapters.collector.podlog import PodLog

    log = PodLog(settings, ended)
    for chunk in log.chunks():
        yield parser.feed(chunk)
    yield parser.close()
    return log.whole


def _of_file(file: EventFolder | JsonFile | TextFile, ended: Event) -> Found:
    for _ in _looks(ended):
        yield file.read(_LOOK_BYTES)
        while file.more:
            yield file.read(_LOOK_BYTES)
    yield file.close()
    if file.fault:
        print(f"tunelet: the file was not read to its end: {file.fault}", file=sys.stderr)
    return file.fault is None


def _looks(ended: Event) -> Iterator[None]:
    """Yield at intervals, and once more after the end."""
    while not ended.is_set():
        yield
        ended.wait(_LOOK_SECONDS)
    yield
