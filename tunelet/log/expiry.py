"""Expiry objects: ended experiments that are deleted after a time, sorted by that time.

    expires/{milliseconds}/{namespace}/{experiment}/{uid}.{epoch}

Written before the live marker of the end is removed, so that no end is missed. An object here
only says when to look; the experiment's state says whether to delete it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tunelet.core.experiment import Experiment
from tunelet.log.markers import Marker, announcing
from tunelet.ports import Store
from tunelet.text.lazy_pattern import lazy_pattern

_PREFIX = "expires/"
# Fifteen digits: otherwise the keys would not sort by time, and `due` would end too early.
_KEY = lazy_pattern(_PREFIX + r"([0-9]{15})/([^/]+)/([^/]+)/([^/]+)\.([0-9]+)")


class Expiry(NamedTuple):
    """When to delete an ended experiment, in milliseconds since 1970."""

    due: int
    namespace: str
    name: str
    uid: str
    epoch: int

    def after(self) -> Marker:
        """Make the marker that announces the deletion."""
        return announcing(self.namespace, self.name, self.uid, self.epoch + 1)

    @property
    def key(self) -> str:
        return f"{_PREFIX}{self.due:015d}/{self.namespace}/{self.name}/{self.uid}.{self.epoch}"


def expiry(experiment: Experiment) -> Expiry | None:
    """Return the expiry of the experiment; None if it has not ended, or is to be kept."""
    e = experiment
    return None if e.due is None else Expiry(e.due, e.namespace, e.name, e.uid, e.epoch)


def note(store: Store, experiment: Experiment) -> None:
    """Write the experiment's expiry, so that a sweep deletes it when it is due. Raises `Retry`."""
    found = expiry(experiment)
    if found is not None:
        store.put(found.key, b"")


def due(store: Store, now: float) -> Iterator[Expiry]:
    """Yield the expiries that are due, earliest first. Costs one listing if there are none."""
    for key in store.list(_PREFIX):
        if not (found := _KEY.fullmatch(key)):
            continue  # a folder that a web console has made, for example
        at, namespace, name, uid, epoch = found.groups()
        if int(at) > now * 1000:
            return
        yield Expiry(int(at), namespace, name, uid, int(epoch))


def forget(store: Store, expired: Expiry) -> None:
    store.delete(expired.key)
