"""One thread acts for all that wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """A lock that a thread stops waiting for once another has done its work.

    With an ordinary lock whoever has been served would still have to queue for it behind others
    that take their turns, and would hear of it only after some more of them.
    """

    def __init__(self) -> None:
        self._free = Condition()
        self._taken = False

    @contextmanager
    def unless(self, done: Callable[[], bool]) -> Iterator[bool]:
        """Wait for the turn, and hold it; False, and nothing is held, if it is done by then."""
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
