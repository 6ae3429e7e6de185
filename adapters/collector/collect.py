"""Reading in one thread, reporting in the other, until the training has ended."""

import os
import sys
import time
from threading import Event, Lock, Thread

from adapters.collector.api import ReportApi
from adapters.collector.delivery import PATIENCE_SECONDS, Delivery
from adapters.collector.pending import Pending, message
from adapters.collector.settings import CollectorSettings
from adapters.collector.sources import reports
from tunelet.training.metrics import Parser

_END_PAUSE = 1.0
_LOOK_SECONDS = 1.0


def collect(settings: CollectorSettings, ended: Event, told: str, patience: float) -> None:
    """Read and report until the training has ended and all is reported.

    `told` is the file of the termination message; after the training's end reporting is tried
    for `patience` seconds.
    """
    news, words = Pending(), LastWords(settings, told)
    Thread(target=_read, args=(settings, words, news, ended), daemon=True).start()
    delivery = Delivery(ReportApi(settings), news, settings.stop_file)
    over: float | None = None
    while not news.done:
        if ended.is_set():
            over = over or time.monotonic() + patience
            if time.monotonic() >= over:
                print("tunelet: what is left was not reported in time", file=sys.stderr)
                break
        if news.wait(_LOOK_SECONDS):
            # Kept at once, for the collector may be killed.
            words.write()
            pause = delivery.deliver()
            if not ended.wait(pause):
                continue
            if not news.done:
                time.sleep(min(pause, _END_PAUSE))
    words.write()


class LastWords:
    """The termination message, with the newest values, and whether they are the last."""

    def __init__(self, settings: CollectorSettings, path: str) -> None:
        self.parser = Parser(settings.metrics)
        self._objectives = settings.metrics.objectives
        self._path = path
        self._turn = Lock()
        self._read, self._remarks = False, ""

    def write(self, read: bool = False) -> None:
        """`read`: everything was read, and no value will follow."""
        with self._turn:
            if read:
                self._read, self._remarks = True, self.parser.remarks()
            values = dict(self.parser.values)
            data = message(values, self._objectives, self._read, self._remarks)
            with open(self._path, "wb") as file:
                file.write(data)


def _read(settings: CollectorSettings, words: LastWords, news: Pending, ended: Event) -> None:
    found = reports(settings, words.parser, ended)
    try:
        while True:
            news.add(next(found))
    except StopIteration as end:
        # Before anything more is reported: Kubernetes may leave no time for that.
        words.write(read=bool(end.value))
    finally:
        news.close()


def work(ended: Event) -> None:
    """All that the environment asks for; whoever is not to report does nothing."""
    settings = CollectorSettings.of(os.environ)
    if settings.reporting:
        collect(settings, ended, "/dev/termination-log", PATIENCE_SECONDS)
