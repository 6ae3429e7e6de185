"""The signs of life by which installations know whether another still looks after its runs.

    installations/{id}    {"format":1,"beat":"…","seconds":60.0,"seen":{…}}

An installation that has runs writes its lease anew several times in `seconds`, each time with
another `beat`. Another takes over its runs once it has seen the same beat for that long by its own
clock: clocks of two machines are never compared. `seen` is what it has seen of others, so that a
process that does not live as long as a lease goes on with what the one before it has seen.

A lease is no lock. That each attempt is launched by one installation only follows from the log.
"""

import logging
import threading
from collections.abc import Callable
from secrets import token_hex

import msgspec

from tunelet.errors import Retry
from tunelet.log.entry import FORMAT
from tunelet.ports import Store

log = logging.getLogger("tunelet.leases")

SECONDS = 180.0
"""How long a lease holds where a schedule asks for a sweep each minute."""


class Seen(msgspec.Struct, frozen=True):
    """What was seen of another's lease."""

    beat: str
    seconds: float
    """How long the lease holds."""
    since: float
    """When this beat was first seen."""
    looked: float
    """When it was last seen."""


class _Lease(msgspec.Struct, frozen=True):
    format: int = FORMAT
    beat: str = ""
    seconds: float = SECONDS
    seen: dict[str, Seen] = {}


_decoder = msgspec.json.Decoder(_Lease)


class Leases:
    """The lease of the installation `own`, and what it sees of others. Threads may share one.

    Without an id it has no lease. `clock` gives seconds.
    """

    def __init__(
        self, store: Store, own: str, clock: Callable[[], float], seconds: float = SECONDS
    ) -> None:
        self.seconds = seconds
        self._store = store
        self._own = own
        self._clock = clock
        self._lock = threading.Lock()
        self._put_at: float | None = None
        self._needed = False
        self.held = 0
        """How often `hold` was called."""
        self._seen: dict[str, Seen] = {}

    def hold(self) -> bool:
        """Say that this installation has runs. True: another may have taken some over by now.

        Raises `Retry` if that may be so and the lease cannot be written either.
        """
        if not self._own:
            return False
        with self._lock:
            self._needed = True
            self.held += 1
            lapsed = self._older_than(self.seconds)
            try:
                self._renew()
            except Retry as fault:
                if lapsed:
                    raise
                log.warning("the lease is renewed later: %s", fault)
            return lapsed

    def release(self, held: int) -> None:
        """It has no runs any more, unless `hold` was called since it had been so `held` times."""
        with self._lock:
            self._needed = self._needed and held != self.held

    def keep(self) -> None:
        """Renew the lease if it is needed. Call this several times in `seconds`."""
        with self._lock:
            now = self._clock()
            if self._needed or any(not self._stale(each, now) for each in self._seen.values()):
                self._renew()

    def over(self, other: str) -> bool:
        """Whether the other has given no sign of life for as long as its lease holds."""
        with self._lock:
            now = self._clock()
            before = self._seen.get(other)
            if before is not None and 0 <= now - before.looked < self.seconds / 20:
                return before.looked - before.since >= before.seconds
            if before is None or self._stale(before, now):
                before = self._read(self._own).seen.get(other)
            lease = self._read(other)
            begun = before is None or before.beat != lease.beat or self._stale(before, now)
            since = now if begun or before is None else before.since
            self._seen[other] = Seen(lease.beat, lease.seconds, since, now)
            return now - since >= lease.seconds

    def _stale(self, seen: Seen, now: float) -> bool:
        """It was not looked at since for so long that the other may have had no runs meanwhile.

        Or the clock was set.
        """
        return not 0 <= now - seen.looked <= self.seconds / 2

    def _older_than(self, seconds: float) -> bool:
        return self._put_at is None or not 0 <= self._clock() - self._put_at < seconds

    def _renew(self) -> None:
        if not self._older_than(self.seconds / 4):
            return
        now = self._clock()
        seen = self._read(self._own).seen
        for other, each in self._seen.items():
            if other not in seen or seen[other].looked < each.looked:
                seen[other] = each
        self._seen = {o: each for o, each in seen.items() if not self._stale(each, now)}
        lease = _Lease(beat=token_hex(8), seconds=self.seconds, seen=self._seen)
        self._store.put(_key(self._own), msgspec.json.encode(lease))
        self._put_at = now

    def _read(self, installation: str) -> _Lease:
        """A lease that is absent, or that cannot be read, is one that does not change."""
        stored = self._store.get(_key(installation))
        if stored is None:
            return _Lease()
        try:
            return _decoder.decode(stored.data)
        except msgspec.MsgspecError:
            return _Lease(beat=stored.version)


def _key(installation: str) -> str:
    return f"installations/{installation}"
