"""What a namespace has and uses now, for its own monitoring.

A reading takes a listing of the namespace's experiments, and the end of the log of each live one up
to `MOST`. Calls share a reading that is in progress, or that began less than `KEPT_SECONDS` ago.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import NamedTuple

from tunelet.core.bounded_cache import BoundedCache
from tunelet.dead_letters import DeadLetters
from tunelet.engine.allowance import Allowance
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Markers
from tunelet.log.parallel import streamed

MOST = 2_000
"""The most live experiments of which a reading reads the logs."""
COUNTED = 10_000
"""The most experiments that a reading counts."""
KEPT_SECONDS = 15.0
_NAMESPACES = 1_000


class Usage(NamedTuple):
    """A reading. The live experiments are those that have not ended, or ended minutes ago."""

    experiments: int
    """Experiments that exist, at most `COUNTED`."""
    live: Mapping[str, int]
    """Live experiments by state."""
    trials: Mapping[str, int]
    """Trials of the live experiments, by the API's names of states."""
    unread: int
    """Live experiments that are in neither, because there are more than `MOST`."""
    dead_letters: int
    quotas: Mapping[str, tuple[int, int]]
    """What is used and the limit, of each quota that is set for the namespace."""


class _Reading(NamedTuple):
    usage: Future[Usage]
    began: float

    def is_old(self, now: float) -> bool:
        """Whether another reading has to follow, because this one failed or is too old."""
        if not self.usage.done():
            return False
        return self.usage.exception() is not None or not 0 <= now - self.began < KEPT_SECONDS


class UsageReader:
    """Threads may share one."""

    def __init__(
        self,
        journals: Journals,
        markers: Markers,
        dead: DeadLetters,
        allowance: Allowance,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST,
    ) -> None:
        """A reading reads the logs of at most `most` experiments."""
        self._journals = journals
        self._markers = markers
        self._dead = dead
        self._allowance = allowance
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._kept: BoundedCache[str, _Reading] = BoundedCache(count=_NAMESPACES)

    def of(self, namespace: str) -> Usage:
        """Return what the namespace uses, by a reading that calls share. Raises `Retry`."""
        with self._lock:
            reading = self._kept.get(namespace)
            begins = reading is None or reading.is_old(self._clock())
            if reading is None or begins:
                reading = _Reading(Future(), self._clock())
                self._kept.put(namespace, reading)
        if begins:
            try:
                reading.usage.set_result(self._read(namespace))
            except BaseException as fault:
                reading.usage.set_exception(fault)
                raise
        return reading.usage.result()

    def _read(self, namespace: str) -> Usage:
        experiments = sum(1 for _ in islice(self._markers.names(namespace), COUNTED))
        names = list(islice(self._markers.live_names(namespace), COUNTED))
        live, trials = Counter[str](), Counter[str]()
        for experiment in streamed(partial(self._journals.listed, namespace), names[: self._most]):
            if experiment is not None:
                live[experiment.state] += 1
                trials.update(experiment.counts)
        used = {"experiments": experiments, "live_trials": trials["running"]}
        return Usage(
            experiments=experiments,
            live=live,
            trials=trials,
            unread=len(names[self._most :]),
            dead_letters=self._dead.count(namespace),
            quotas=self._allowance.used(namespace, used),
        )
