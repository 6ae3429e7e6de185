"""Sends reports until they are answered, and does what the answer asks for."""

import os
import random
import sys
from contextlib import suppress

from adapters.collector.api import ReportApi
from adapters.collector.pending import Pending

BETWEEN_SECONDS = 1.0
"""The pause between two requests. Reports that come meanwhile share one request, because each
request is a write to the log."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0
PATIENCE_SECONDS = 25.0
"""How long to try to report after the training's end. Kubernetes kills the rest of the pod 30 s
after it, unless the pod sets another time."""


class Delivery:
    def __init__(self, api: ReportApi, news: Pending, stop_file: str) -> None:
        self._api = api
        self._news = news
        self._stop_file = stop_file
        self._pause = _FIRST_PAUSE
        self._said: str | None = None
        self._ended = False
        self.failing = False
        """Whether the newest reports have to be sent again."""

    def deliver(self) -> float:
        """Send the earliest reports once. Returns the seconds to wait before the next call."""
        batch = self._news.batch()
        last = self._news.last(batch)
        answer = self._api.report(batch, last)
        self._say(answer.fault)
        self.failing = not answer.taken
        if not answer.taken:
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            return max(answer.after or 0.0, self._pause * random.uniform(0.5, 1.0))
        self._news.reported(batch)
        self._ended = last
        self._pause = _FIRST_PAUSE
        if answer.stop:
            with suppress(FileExistsError):
                os.close(os.open(self._stop_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444))
        return BETWEEN_SECONDS

    def end(self) -> None:
        """Tell once that the run is about to end, unless the last reports have told it."""
        if not self._ended:
            self._say(self._api.report([], ending=True).fault)

    def _say(self, fault: str | None) -> None:
        if fault not in (None, self._said):
            print(f"tunelet: not reported: {fault}", file=sys.stderr)
        self._said = fault
