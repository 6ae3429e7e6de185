"""End a serving process soon, whatever it is doing.

The port is closed first. Requests in progress then have a moment to end. After that the process is
killed, even if it waits for a disk that is gone: the log allows a crash at any line.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

SECONDS = 1.5
"""The most seconds from the signal to the end of the process."""


class Closable(Protocol):
    def close(self) -> None: ...


class Ending:
    """The effect of a signal: closes the things given to `closes`, and ends the main thread."""

    def __init__(self) -> None:
        self._closed: list[Closable] = []
        self._begun = False

    def closes(self, socket: Closable) -> None:
        self._closed.append(socket)

    def begin(self, *_: object) -> None:
        if self._begun:
            return  # the first signal has set the deadline
        self._begun = True
        threading.Thread(target=_cut_off, daemon=True).start()
        for each in self._closed:
            each.close()
        raise SystemExit(0)


@contextmanager
def ended_by_signals() -> Iterator[Ending]:
    """Let SIGTERM end the block as Ctrl-C does, both without a traceback.

    Enter it before the service announces its address, because a client may end it from then on.
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
    """Kill the process: the interpreter's end would join threads that may wait forever."""
    threading.Event().wait(SECONDS)
    os._exit(0)
