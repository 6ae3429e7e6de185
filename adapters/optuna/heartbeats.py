"""Heartbeats of the running trials of a study. A process sends one message for all its trials.

A trial is stale once an observer has seen the same beat for the grace period, by its own clock.
A process that starts later need not wait for that if the beat is much older by the wall clock:
clocks of two machines may differ by `SKEW` seconds.
"""

import threading
import time
from collections.abc import Callable, Sequence

from adapters.optuna.caller import Caller, is_watched, token_of
from adapters.optuna.logs import Heard
from tunelet.core.trial import Trial
from tunelet.log.heartbeats import Beats

SKEW = 90.0


class Heartbeats:
    """The heartbeats of one study. Thread-safe."""

    def __init__(
        self,
        heard: Heard,
        caller: Caller,
        grace: float,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heard = heard
        self._caller = caller
        self._grace = grace
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._own: dict[int, int] = {}
        self._own_at: dict[int, float] = {}
        self._seen: dict[int, tuple[str, int, float]] = {}
        """Each trial's caller and beat, and when they were first seen, by its number."""
        self._looked = -grace

    def beat(self, number: int) -> None:
        """Record that a trial of this process is alive. Raises `Retry` if the write fails."""
        with self._lock:
            self._own[number] = self._own.get(number, 0) + 1
            self._own_at[number] = self._clock()
            sent = Beats(dict(self._own), dict(self._own_at))
            self._heard.write(self._caller.token, sent)

    def stale(self, running: Sequence[Trial]) -> list[int]:
        """Return the running trials whose heartbeats have stopped for longer than the grace period.

        Reads at most four times per grace period, because each process takes one request.
        """
        with self._lock:
            now = self._monotonic()
            numbers = {trial.number for trial in running}
            self._own = {n: beat for n, beat in self._own.items() if n in numbers}
            self._own_at = {n: at for n, at in self._own_at.items() if n in numbers}
            if now - self._looked < self._grace / 4:
                return []
            self._looked = now
            tokens = {token_of(trial) for trial in running}
            read = {token: self._heard.read(token) for token in tokens if token}
            found = [t.number for t in running if self._is_stale(t, read, now)]
            self._seen = {n: seen for n, seen in self._seen.items() if n in numbers}
            return found

    def _is_stale(self, trial: Trial, read: dict[str, Beats | None], now: float) -> bool:
        token, n = token_of(trial), trial.number
        beats = read.get(token)
        if beats is None or (n not in beats.beats and not is_watched(trial)):
            return False
        # A process that dies before the first beat was alive when the trial started.
        beat, at = beats.beats.get(n, 0), beats.at.get(n, trial.started_at or 0.0)
        if self._clock() - at > self._grace + SKEW:
            return True
        known = self._seen.get(n)
        if known is None or known[:2] != (token, beat):
            self._seen[n] = (token, beat, now)
            return False
        return now - known[2] > self._grace
