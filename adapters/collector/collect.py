"""Reading in one thread, reporting in the other, until the training has ended."""

import os
import sys
import time
from threading import Event, Thread

from adapters.collector.api import Api
from adapters.collector.delivery import Delivery
from adapters.collector.news import News, message
from adapters.collector.settings import Settings
from adapters.collector.sources import reports
from tunelet.metrics import Parser

_PATIENCE = 25.0
"""30 s after the training's end Kubernetes kills what is left of the pod, unless the pod says
otherwise."""
_END_PAUSE = 1.0
_LOOK_SECONDS = 1.0


def collect(settings: Settings, ended: Event, told: str, patience: float) -> None:
    """Read and report until the training has ended and all is reported.

    `told` is the file of the termination message; after the training's end reporting is tried
    for `patience` seconds.
    """
    news, parser = News(), Parser(settings.metrics)
    Thread(target=_read, args=(settings, parser, news, ended), daemon=True).start()
    delivery = Delivery(Api(settings), news, settings.stop_file)
    objectives = settings.metrics.get("objectives", ())
    over: float | None = None
    while not news.done:
        if ended.is_set():
            over = over or time.monotonic() + patience
            if time.monotonic() >= over:
                print("tunelet: what is left was not reported in time", file=sys.stderr)
                break
        if news.wait(_LOOK_SECONDS):
            # Kept at once, for the collector may be killed.
            _write(told, message(dict(parser.values), objectives))
            pause = delivery.deliver()
            if not ended.wait(pause):
                continue
            if not news.done:
                time.sleep(min(pause, _END_PAUSE))
    _write(told, message(dict(parser.values), objectives, parser.remarks()))


def _read(settings: Settings, parser: Parser, news: News, ended: Event) -> None:
    try:
        for found in reports(settings, parser, ended):
            news.add(found)
    finally:
        news.close()


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def work(ended: Event) -> None:
    """All that the environment asks for; whoever is not to report does nothing."""
    settings = Settings.of(os.environ)
    if settings.reporting:
        collect(settings, ended, "/dev/termination-log", _PATIENCE)
