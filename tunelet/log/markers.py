"""Markers: small objects that list the experiments, and those that a sweep has to look at.

    index/{namespace}/{experiment}/{uid}
    live/{namespace}/{experiment}/{uid}.{epoch}            of an experiment's first life
    live/{namespace}/{experiment}/{uid}.{epoch}-{random}   of a later one

Both are written before the log entry that they announce, so that no experiment is missed; in
between, the schedule of sweeps is armed. A marker's name is used only once, because several callers
may announce a life before one of them begins it. So removing a marker, however late, never hides a
life that another marker announced.
"""

import logging
from collections.abc import Callable, Iterator, MutableSet
from functools import partial
from secrets import token_hex
from typing import NamedTuple

from tunelet.core.experiment import Experiment
from tunelet.errors import TuneletError
from tunelet.log.arming import Arming
from tunelet.log.parallel import both
from tunelet.log.tenant_stores import listed
from tunelet.ports import Store
from tunelet.text.lazy_pattern import lazy_pattern

log = logging.getLogger("tunelet.markers")

_LIVE = lazy_pattern(r"live/([^/]+)/([^/]+)/([^/]+)\.(\d+)(-[0-9a-f]+)?")

STALE = 3600.0
"""Seconds after which a marker without its log entry is removed: far longer than any request."""


class Marker(NamedTuple):
    namespace: str
    name: str
    uid: str
    epoch: int
    once: str = ""
    """Distinguishes it from other markers of the same life."""

    @property
    def key(self) -> str:
        return f"live/{self.namespace}/{self.name}/{self.uid}.{self.epoch:06d}{self.once}"

    def announces(self, experiment: Experiment) -> bool:
        """Whether the experiment is in the life that this marker announces."""
        return (self.uid, self.epoch) == (experiment.uid, experiment.epoch)


def announcing(namespace: str, name: str, uid: str, epoch: int) -> Marker:
    """Make a new marker of a later life."""
    return Marker(namespace, name, uid, epoch, f"-{token_hex(4)}")


class Indexed(NamedTuple):
    """An experiment in a listing."""

    name: str
    uid: str = ""
    """Of the marker that shows it; empty if the listing has no such marker."""


class Markers:
    def __init__(
        self, store: Store, clock: Callable[[], float], arming: Arming | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._arming = arming or Arming(None, clock)

    def set(self, marker: Marker) -> None:
        """Announce a life that is about to begin. If it never begins, `tidy` removes the marker."""
        self._store.put(marker.key, repr(self._clock()).encode())
        if marker.epoch > 0:
            self._arming.arm()
        elif self._arming.due:
            both(self._arming.arm, partial(self._list, marker))  # their waits add nothing
        else:
            self._list(marker)

    def announce(self, experiment: Experiment) -> None:
        """Announce a new epoch before the change that may begin it, so that sweep cannot miss it.

        Call it also for a live experiment, because that may end before the change.
        """
        e = experiment
        self.set(announcing(e.namespace, e.name, e.uid, e.epoch + 1))

    def _list(self, marker: Marker) -> None:
        self._store.put(index_key(marker.namespace, marker.name, marker.uid), b"")

    def names(self, namespace: str, after: str = "") -> Iterator[str]:
        """Yield the names in the namespace that sort after `after`, each once."""
        return (each.name for each in self.indexed(namespace, after))

    def indexed(self, namespace: str, after: str = "") -> Iterator[Indexed]:
        """Like `names`, each with its uid."""
        prefix = f"index/{namespace}/"
        start = index_key(namespace, after, "~") if after else ""
        last = None
        for key in self._store.list(prefix, start):
            name, _, uid = key.removeprefix(prefix).partition("/")
            if name and uid and name != last:
                yield Indexed(name, uid)
                last = name

    def live(self, left_out: MutableSet[str]) -> Iterator[Marker]:
        """Yield all markers. Namespaces with a store that cannot be read join `left_out`."""
        for key in listed(self._store, "live/", left_out):
            # A web console may have made a folder here.
            if found := _LIVE.fullmatch(key):
                namespace, name, uid, epoch, once = found.groups("")
                yield Marker(namespace, name, uid, int(epoch), once)

    def live_names(self, namespace: str, after: str = "") -> Iterator[str]:
        """Yield the names in the namespace that have a marker and sort after `after`, each once."""
        prefix, last = f"live/{namespace}/", None
        for key in self._store.list(prefix, f"{prefix}{after}/~" if after else ""):
            name, _, rest = key.removeprefix(prefix).partition("/")
            if name and rest and name != last:
                yield name
                last = name

    def tidy(self, marker: Marker, experiment: Experiment | None, at_rest: bool) -> None:
        """Remove the marker if it is not needed. `at_rest`: nothing is left to do for its life."""
        if experiment is None or experiment.uid != marker.uid:
            if at_rest and self._age(marker) > STALE:
                self._store.delete(index_key(marker.namespace, marker.name, marker.uid))
                self._store.delete(marker.key)
        elif experiment.epoch < marker.epoch:
            if self._age(marker) > STALE:
                self._store.delete(marker.key)
        elif experiment.epoch > marker.epoch or at_rest:
            self._store.delete(marker.key)

    def retract(self, marker: Marker) -> None:
        """Remove the marker of a life that can never begin, because its uid is in no log.

        If that fails, `tidy` removes the marker after an hour.
        """
        try:
            self._store.delete(index_key(marker.namespace, marker.name, marker.uid))
            self._store.delete(marker.key)
        except TuneletError as fault:
            log.warning("marker %s stays for a while: %s", marker.key, fault)

    def forget(self, experiment: Experiment) -> None:
        """Remove a deleted experiment from listings."""
        self._store.delete(index_key(experiment.namespace, experiment.name, experiment.uid))

    def _age(self, marker: Marker) -> float:
        stored = self._store.get(marker.key)
        return self._clock() - float(stored.data) if stored is not None else 0.0


def index_key(namespace: str, name: str, uid: str) -> str:
    """Return the key of the marker by which listings find the experiment."""
    return f"index/{namespace}/{name}/{uid}"
