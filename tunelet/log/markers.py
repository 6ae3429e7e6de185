"""Small objects that say which experiments there are, and which still need looking after.

    index/{namespace}/{experiment}/{uid}
    live/{namespace}/{experiment}/{uid}.{epoch}            of an experiment's first life
    live/{namespace}/{experiment}/{uid}.{epoch}-{random}   of a later one

Both are written before the log entry that they announce, so that no experiment can be
missed. A marker's name is used once only, for several may announce a life before one of them
begins it; so removing a marker can never hide a life that another announced, however late the
removal comes.
"""

import logging
import re
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import NamedTuple

from tunelet.core.experiment import Experiment
from tunelet.errors import TuneletError
from tunelet.ports import Store

log = logging.getLogger("tunelet.markers")

_LIVE = re.compile(r"live/([^/]+)/([^/]+)/([^/]+)\.(\d+)(-[0-9a-f]+)?")

STALE = 3600.0
"""Seconds after which a marker whose log entry never came is removed: far more than any
request lives."""


class Marker(NamedTuple):
    namespace: str
    name: str
    uid: str
    epoch: int
    once: str = ""
    """What tells it from others that announce the same life."""

    @property
    def key(self) -> str:
        return f"live/{self.namespace}/{self.name}/{self.uid}.{self.epoch:06d}{self.once}"

    def announces(self, experiment: Experiment) -> bool:
        """It is the marker of the life that the experiment is in."""
        return (self.uid, self.epoch) == (experiment.uid, experiment.epoch)


def announcing(namespace: str, name: str, uid: str, epoch: int) -> Marker:
    """A new marker of a later life."""
    return Marker(namespace, name, uid, epoch, f"-{token_hex(4)}")


class Markers:
    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def set(self, marker: Marker) -> None:
        """Announce a life that is about to begin. What is left if it never does, `tidy` removes."""
        self._store.put(marker.key, repr(self._clock()).encode())
        if marker.epoch == 0:
            self._store.put(_index(marker.namespace, marker.name, marker.uid), b"")

    def names(self, namespace: str, after: str = "") -> Iterator[str]:
        """Names in the namespace, each once, from the one behind `after`."""
        prefix = f"index/{namespace}/"
        start = _index(namespace, after, "~") if after else ""
        last = None
        for key in self._store.list(prefix, start):
            name, _, uid = key.removeprefix(prefix).partition("/")
            if name and uid and name != last:
                yield name
                last = name

    def live(self) -> Iterator[Marker]:
        for key in self._store.list("live/"):
            # A folder that a console has made is no marker.
            if found := _LIVE.fullmatch(key):
                namespace, name, uid, epoch, once = found.groups("")
                yield Marker(namespace, name, uid, int(epoch), once)

    def tidy(self, marker: Marker, experiment: Experiment | None, at_rest: bool) -> None:
        """Remove the marker if it has served. `at_rest`: nothing is left to do for its life."""
        if experiment is None or experiment.uid != marker.uid:
            if at_rest and self._age(marker) > STALE:
                self._store.delete(_index(marker.namespace, marker.name, marker.uid))
                self._store.delete(marker.key)
        elif experiment.epoch < marker.epoch:
            if self._age(marker) > STALE:
                self._store.delete(marker.key)
        elif experiment.epoch > marker.epoch or at_rest:
            self._store.delete(marker.key)

    def retract(self, marker: Marker) -> None:
        """Remove the marker of a life that is sure never to begin, for its uid is in no log.

        If that fails, `tidy` removes it in an hour.
        """
        try:
            self._store.delete(_index(marker.namespace, marker.name, marker.uid))
            self._store.delete(marker.key)
        except TuneletError as fault:
            log.warning("marker %s stays for a while: %s", marker.key, fault)

    def forget(self, experiment: Experiment) -> None:
        """The experiment is deleted, and no listing is to look at it any more."""
        self._store.delete(_index(experiment.namespace, experiment.name, experiment.uid))

    def _age(self, marker: Marker) -> float:
        stored = self._store.get(marker.key)
        return self._clock() - float(stored.data) if stored is not None else 0.0


def _index(namespace: str, name: str, uid: str) -> str:
    return f"index/{namespace}/{name}/{uid}"
