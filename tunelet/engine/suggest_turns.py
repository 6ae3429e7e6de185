"""The requests of workers that ask an algorithm, one at a time for each experiment.

An algorithm may take long, and each request that waits for it occupies a thread of the server. So
only some may wait: heartbeats, and the requests of other experiments, need threads, too.
"""

import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

MOST_OF_ONE = 16
"""The most requests for one experiment that wait, or ask: half the threads of `tunelet up`."""

MOST = 24
"""The same for all experiments."""

_LOCKS = 64


class SuggestTurns:
    """Threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = Counter[int]()
        self._turns = [threading.Lock() for _ in range(_LOCKS)]

    @contextmanager
    def of(self, experiment: Hashable) -> Iterator[bool]:
        """Wait for the experiment's turn; yields False without waiting if too many wait."""
        turn = hash(experiment) % _LOCKS
        if not self._counted(turn):
            yield False
            return
        try:
            with self._turns[turn]:
                yield True
        finally:
            with self._lock:
                self._waiting[turn] -= 1

    def _counted(self, turn: int) -> bool:
        with self._lock:
            if self._waiting[turn] >= MOST_OF_ONE or self._waiting.total() >= MOST:
                return False
            self._waiting[turn] += 1
            return True
