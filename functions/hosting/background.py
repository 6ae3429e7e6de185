"""Run a thread as long as a block runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
