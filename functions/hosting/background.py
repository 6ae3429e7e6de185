"""A thread that runs for as long as a block does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def in_background(name: str, run: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run `run` in a thread of that name. Its event is set at the block's end; then it returns."""
    ended = threading.Event()
    thread = threading.Thread(target=run, args=(ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
