"""Heartbeats of the running trials of a study.

A process writes one object for all its trials, next to the log:

    v1/{namespace}/{experiment}/trials/{uid}/heartbeats/{token}

    {"format":1,"beats":{"3":17},"at":{"3":1795476224.1}}

A trial is stale once an observer has seen the same beat for the grace period, by its own clock.
A process that starts later need not wait for that if the beat is much older by the wall clock:
clocks of two machines may differ by `SKEW` seconds.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from adapters.optuna.caller import Caller, is_watched, token_of
from tunelet.core.trial import Trial
from tunelet.log.entry import FORMAT
from tunelet.ports import Store

log = logging.getLogger("tunelet.optuna")

SKEW = 90.0


class _Beats(msgspec.Struct, frozen=True):
    beats: dict[int, int] = {}
    """How many heartbeats each trial has sent, by its number."""
    at: dict[int, float] = {}
    """The time of the last one, in seconds since 1970."""
    format: int = FORMAT


_decoder = msgspec.json.Decoder(_Beats)


class Heartbeats:
    """The heartbeats of one study. Thread-safe. The objects' keys start with `prefix`."""

    def __init__(
        self,
        store: Store,
        prefix: str,
        caller: Caller,
        grace: float,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._prefix = prefix
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
            written = _Beats(dict(self._own), dict(self._own_at))
            self._store.put(self._key(self._caller.token), msgspec.json.encode(written))

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
            read = {token: self._read(token) for token in tokens if token}
            found = [t.number for t in running if self._is_stale(t, read, now)]
            self._seen = {n: seen for n, seen in self._seen.items() if n in numbers}
            return found

    def _is_stale(self, trial: Trial, read: dict[str, _Beats | None], now: float) -> bool:
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

    def _read(self, token: str) -> _Beats | None:
        """Return a process's beats; None if this version cannot read them."""
        stored = self._store.get(self._key(token))
        if stored is None:
            return _Beats()
        try:
            return _decoder.decode(stored.data)
        except msgspec.MsgspecError as fault:
            log.warning("heartbeats of %s cannot be read: %s", token, fault)
            return None

    def _key(self, token: str) -> str:
        return f"{self._prefix}{token}"
