"""A lock for work that one thread does for all that wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """A lock whose waiters leave once another thread has done their work.

    With an ordinary lock such a waiter would still queue for the lock, and return only after
    several others had held it.
    """

    def __init__(self) -> None:
        self._free = Condition()
        self._taken = False

    @contextmanager
    def unless(self, done: Callable[[], bool]) -> Iterator[bool]:
        """Hold the lock and yield True, or yield False without it once `done()` is true."""
        with self._free:
            self._free.wait_for(lambda: done() or not self._taken)
            mine = not done()
            self._taken = self._taken or mine
        try:
            yield mine
        finally:
            if mine:
                with self._free:
                    self._taken = False
                    self._free.notify_all()
