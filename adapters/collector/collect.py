"""Reads in one thread and reports in another until the training has ended."""

import os
import sys
import time
from threading import Event, Lock, Thread

from adapters.collector.api import ReportApi
from adapters.collector.delivery import PATIENCE_SECONDS, Delivery
from adapters.collector.pending import Pending, encoded
from adapters.collector.settings import CollectorSettings
from adapters.collector.sources import reports
from tunelet.training.metrics import Parser

_END_PAUSE = 1.0
_LOOK_SECONDS = 1.0


def collect(settings: CollectorSettings, ended: Event, message: str, patience: float) -> None:
    """Read and report until the training has ended and all is reported.

    `message` is the path of the termination message. After the training's end, reporting continues
    for at most `patience` seconds.
    """
    news, termination = Pending(), TerminationMessage(settings, message)
    Thread(target=_read, args=(settings, termination, news, ended), daemon=True).start()
    delivery = Delivery(ReportApi(settings), news, settings.stop_file)
    over: float | None = None
    while not news.done:
        if ended.is_set():
            over = over or time.monotonic() + patience
            if time.monotonic() >= over:
                print("tunelet: the last reports were not sent in time", file=sys.stderr)
                break
        if news.wait(_LOOK_SECONDS):
            # Written at once, because the collector may be killed.
            termination.write()
            pause = delivery.deliver()
            # After the end only a fault delays the next request: the pod waits for this process.
            if ended.wait(pause) and delivery.failing:
                time.sleep(min(pause, _END_PAUSE))
    termination.write()
    if news.done:
        delivery.end()


class TerminationMessage:
    """The termination message: the newest values, and whether they are the last ones."""

    def __init__(self, settings: CollectorSettings, path: str) -> None:
        self.parser = Parser(settings.metrics)
        self._objectives = settings.metrics.objectives
        self._path = path
        self._turn = Lock()
        self._read, self._remarks = False, ""

    def write(self, read: bool = False) -> None:
        """Write the message. `read`: everything was read, and no value will follow."""
        with self._turn:
            if read:
                self._read, self._remarks = True, self.parser.remarks()
            values = dict(self.parser.values)
            data = encoded(values, self._objectives, self._read, self._remarks)
            with open(self._path, "wb") as file:
                file.write(data)


def _read(
    settings: CollectorSettings, termination: TerminationMessage, news: Pending, ended: Event
) -> None:
    found = reports(settings, termination.parser, ended)
    try:
        while True:
            news.add(next(found))
    except StopIteration as end:
        # Before further reports are sent: Kubernetes may leave no time for them.
        termination.write(read=bool(end.value))
    finally:
        news.close()


def work(ended: Event) -> None:
    """Collect as the environment says; do nothing in a pod that does not report."""
    settings = CollectorSettings.of(os.environ)
    if settings.reporting:
        collect(settings, ended, "/dev/termination-log", PATIENCE_SECONDS)
