"""How a process that serves ends: soon, and whatever it does.

The port is closed first. What is under way then has a moment to end. After that it is cut off,
even if it waits for a disk that is gone, as kill -9 would do it: the log allows that at any line.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

SECONDS = 1.5
"""From the signal to the end of the process at the latest."""


class Closable(Protocol):
    def close(self) -> None: ...


class Ending:
    """What a signal does: closes what was given to `closes`, and ends the main thread."""

    def __init__(self) -> None:
        self._closed: list[Closable] = []
        self._begun = False

    def closes(self, socket: Closable) -> None:
        self._closed.append(socket)

    def begin(self, *_: object) -> None:
        if self._begun:
            return  # the first signal has set the time
        self._begun = True
        threading.Thread(target=_cut_off, daemon=True).start()
        for each in self._closed:
            each.close()
        raise SystemExit(0)


@contextmanager
def ended_by_signals() -> Iterator[Ending]:
    """SIGTERM ends what happens here as Ctrl-C does; neither leaves a trace.

    To be entered before anyone is told that the service is there, and may end it.
    """
    ending = Ending()
    before: dict[int, Callable[..., object] | int | None] = {
        number: signal.signal(number, ending.begin) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cut_off() -> None:
    """Threads are joined as the interpreter ends, also those that wait for what never comes."""
    threading.Event().wait(SECONDS)
    os._exit(0)
