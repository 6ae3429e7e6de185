"""Run threads: as long as a block runs, or as long as the process."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from functions.telemetry.log import LOGGER


@contextmanager
def in_background(name: str, run: Callable[[threading.Event], None]) -> Iterator[None]:
    """Call `run` in a thread with this name. Its event is set at the block's end: return then."""
    ended = threading.Event()
    thread = threading.Thread(target=run, args=(ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def vital(name: str, run: Callable[[], object]) -> None:
    """Call `run` in a thread with this name. Its end, also by an error, ends the process.

    Without the thread the process would look alive and do half of its work.
    """

    def ending_the_process() -> None:
        try:
            run()
        except BaseException:  # noqa: BLE001 (whatever ends the thread)
            LOGGER.exception("the thread %s failed", name)
        LOGGER.error("the thread %s has ended, and the process ends with it", name)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ending_the_process, name=name, daemon=True).start()
