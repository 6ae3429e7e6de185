"""Ended experiments that are to be deleted after a time, in the order of that time.

    expires/{milliseconds}/{namespace}/{experiment}/{uid}.{epoch}

Written before the live marker of the end is removed, so that no end is missed. An object here
says when to look; whether the experiment is to go, its state says.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tunelet.core.experiment import Experiment
from tunelet.log.markers import Marker, announcing
from tunelet.ports import Store

_PREFIX = "expires/"
_KEY = re.compile(_PREFIX + r"(\d+)/([^/]+)/([^/]+)/([^/]+)\.(\d+)")


class Expiry(NamedTuple):
    """When one end of one experiment has stood long enough, in milliseconds since the epoch."""

    due: int
    namespace: str
    name: str
    uid: str
    epoch: int

    def after(self) -> Marker:
        """Announces the deletion."""
        return announcing(self.namespace, self.name, self.uid, self.epoch + 1)

    @property
    def key(self) -> str:
        return f"{_PREFIX}{self.due:015d}/{self.namespace}/{self.name}/{self.uid}.{self.epoch}"


def expiry(experiment: Experiment) -> Expiry | None:
    """Of the experiment's end; None if it has not ended, or is to be kept."""
    e = experiment
    return None if e.due is None else Expiry(e.due, e.namespace, e.name, e.uid, e.epoch)


def note(store: Store, experiment: Experiment) -> None:
    """See to it that the experiment is looked at again when it is due. Raises `Retry`."""
    found = expiry(experiment)
    if found is not None:
        store.put(found.key, b"")


def due(store: Store, now: float) -> Iterator[Expiry]:
    """Those whose time has come, earliest first: one listing if there are none."""
    for key in store.list(_PREFIX):
        if not (found := _KEY.fullmatch(key)):
            continue  # a folder that a console has made, say
        at, namespace, name, uid, epoch = found.groups()
        if int(at) > now * 1000:
            return
        yield Expiry(int(at), namespace, name, uid, int(epoch))


def forget(store: Store, expired: Expiry) -> None:
    store.delete(expired.key)
