"""Leases: an installation renews its own, so that others know that it still watches its runs.

    installations/{id}    {"format":1,"beat":"…","seconds":60.0,"seen":{…}}

An installation that has runs rewrites its lease several times in `seconds`, each time with a new
`beat`. Another takes over its runs once it has seen the same beat for that long by its own
clock: clocks of two machines are never compared. `seen` holds what it has observed of others, so
that a process that lives shorter than a lease continues from its predecessor's observations.

A lease is not a lock. The log alone ensures that only one installation launches an attempt.
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
"""How long a lease holds where a schedule triggers a sweep each minute."""


class Seen(msgspec.Struct, frozen=True):
    """What this installation observed of another's lease. Times are seconds."""

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
    """The lease of the installation `own`, and its view of others'. Threads may share one.

    With an empty `own` it has no lease. `clock` returns seconds. `dead` shows at once that another
    is certainly gone, where something but its lease can show that.
    """

    def __init__(
        self,
        store: Store,
        own: str,
        clock: Callable[[], float],
        seconds: float = SECONDS,
        dead: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.seconds = seconds
        self._store = store
        self._own = own
        self._clock = clock
        self._dead = dead
        self._lock = threading.Lock()
        self._put_at: float | None = None
        self._needed = False
        self.held = 0
        """How often `hold` was called."""
        self._seen: dict[str, Seen] = {}

    def hold(self) -> bool:
        """State that this installation has runs. True: another may have taken some over by now.

        Raises `Retry` if another may have, and the lease cannot be written.
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
        """State that it has no runs any more, unless `hold` was called after the `held`-th time."""
        with self._lock:
            self._needed = self._needed and held != self.held

    def keep(self) -> None:
        """Renew the lease if it is needed. Has to be called several times in `seconds`."""
        with self._lock:
            now = self._clock()
            if self._needed or any(not self._stale(each, now) for each in self._seen.values()):
                self._renew()

    def over(self, other: str) -> bool:
        """Whether the other is dead, or has not renewed its lease for as long as it holds."""
        if self._dead(other):
            return True
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
        """Whether the observation is too old to count, or the clock was set.

        The other may have had no runs meanwhile, and so no need to renew.
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
        """Read a lease. An absent or unreadable one counts as a lease that does not change."""
        stored = self._store.get(_key(installation))
        if stored is None:
            return _Lease()
        try:
            return _decoder.decode(stored.data)
        except msgspec.MsgspecError:
            return _Lease(beat=stored.version)


def _key(installation: str) -> str:
    return f"installations/{installation}"
