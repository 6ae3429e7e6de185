"""Leases: an installation renews its own, so that others know that it still watches its runs.

    installations/{id}    {"format":1,"beat":"…","seconds":60.0,"seen":{…}}

An installation that has runs rewrites its lease several times in `seconds`, each time with a new
`beat`. Another takes over its runs once it has seen the same beat for that long by its own
clock: clocks of two machines are never compared. `seen` holds what it has observed of others, so
that a process that lives shorter than a lease continues from its predecessor's observations.

A worker's lease on an attempt is an object beside the trial's files. It is absent until the
worker renews it for the first time; how long it holds is in the log (tunelet.core.lease).

    v1/{namespace}/{experiment}/trials/{uid}/{number}.{attempt}.lease    {"format":1,"beat":"…",…}

A lease is not a lock. The log alone ensures that only one installation launches an attempt.
"""

import logging
import threading
from collections.abc import Callable
from secrets import token_hex

import msgspec

from tunelet.core.bounded_cache import BoundedCache
from tunelet.errors import Retry, TuneletError
from tunelet.log.entry import FORMAT
from tunelet.ports import Store

log = logging.getLogger("tunelet.leases")

KEPT = 10_000
"""The most leases of workers whose renewal a process remembers."""

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
        self._ended = False
        self.held = 0
        """How often `hold` was called."""
        self._seen: dict[str, Seen] = {}
        self._renewed = BoundedCache[str, Seen](count=KEPT)
        """The leases of workers that this process renewed last, by key."""

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
        if not self._own:
            return
        with self._lock:
            now = self._clock()
            if self._needed or any(not self._stale(each, now) for each in self._seen.values()):
                self._renew()

    def leave(self) -> None:
        """Let the lease expire at once: the runs of this installation end with its process.

        Raises `Retry` if the store does; others then wait as long as the lease holds.
        """
        with self._lock:
            self._ended = True
            if self._put_at is not None:
                lease = _Lease(beat=token_hex(8), seconds=0.0)
                self._store.put(_key(self._own), msgspec.json.encode(lease))

    def begin(self, key: str, seconds: float) -> None:
        """Note that a worker's lease of `seconds` begins now. Writes nothing."""
        with self._lock:
            self._note(key, "", seconds)

    def renew(self, key: str, seconds: float) -> None:
        """Renew a worker's lease, unless this process did so within a quarter of `seconds`."""
        with self._lock:
            last = self._renewed.get(key)
            if last is not None and 0 <= self._clock() - last.since < seconds / 4:
                return
        lease = _Lease(beat=token_hex(8), seconds=seconds)
        self._store.put(key, msgspec.json.encode(lease))
        with self._lock:
            self._note(key, lease.beat, seconds)

    def end(self, key: str) -> None:
        """Remove a worker's lease. Does not raise: what is left goes with the experiment."""
        with self._lock:
            self._renewed.take(key)
            self._seen.pop(key, None)
        try:
            self._store.delete(key)
        except TuneletError as fault:
            log.debug("the lease %s stays: %s", key, fault)

    def _note(self, key: str, beat: str, seconds: float) -> None:
        now = self._clock()
        self._seen.pop(key, None)
        self._renewed.put(key, Seen(beat, seconds, now, now))

    def _holds(self, key: str, now: float) -> bool:
        """Whether this process renewed the worker's lease so late that it holds still."""
        last = self._renewed.get(key)
        if last is None or self._stale(last, now) or now - last.since >= last.seconds:
            return False
        self._renewed.put(key, msgspec.structs.replace(last, looked=now))
        return True

    def over(self, other: str, seconds: float = SECONDS) -> bool:
        """Whether the other is dead, or has not renewed its lease for as long as it holds.

        `other` is an installation, or the key of a worker's lease. One that was never written
        holds for `seconds`.
        """
        if self._dead(other):
            return True
        with self._lock:
            now = self._clock()
            if self._holds(other, now):
                return False
            before = self._seen.get(other) or self._renewed.get(other)
            if before is not None and 0 <= now - before.looked < self.seconds / 20:
                return before.looked - before.since >= before.seconds
            if before is None or self._stale(before, now):
                before = self._read(self._own).seen.get(other) if self._own else None
            lease = self._read(other, seconds)
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
        if self._ended or not self._older_than(self.seconds / 4):
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

    def _read(self, owner: str, seconds: float = SECONDS) -> _Lease:
        """Read a lease. An absent or unreadable one counts as a lease that does not change."""
        stored = self._store.get(_key(owner))
        if stored is None:
            return _Lease(seconds=seconds)
        try:
            return _decoder.decode(stored.data)
        except msgspec.MsgspecError:
            return _Lease(beat=stored.version)


def _key(owner: str) -> str:
    return owner if owner.endswith(".lease") else f"installations/{owner}"
