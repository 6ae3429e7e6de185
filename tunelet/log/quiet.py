"""Notes of quiet experiments, kept for the next process that sweeps.

    installations/{id}.quiet    {"format":1,"notes":{"{namespace}/{experiment}":[…],…}}

A note says that a sweep found nothing to do in an experiment whose log ended at entry `seq`. It is
a hint: the object may be absent, old or unreadable, and two sweeps may overwrite each other's. What
a note claims stays true of its time, and `Idle` bounds how long it is relied on.
"""

import logging
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from tunelet.log.entry import FORMAT
from tunelet.log.markers import Marker
from tunelet.ports import Store

log = logging.getLogger("tunelet.log.quiet")


class Name(NamedTuple):
    namespace: str
    experiment: str


class Note(msgspec.Struct, frozen=True, array_like=True):
    """A look that found nothing to do. Times are seconds since 1970."""

    markers: frozenset[str]
    """The keys of the experiment's markers."""
    seq: int
    """The newest entry of the log."""
    looks: int
    """How many looks in a row found nothing."""
    at: float
    holds: bool
    """Whether this installation has slots in it, or is a member."""
    waits: bool
    """Whether a trial waits for room for its run."""
    again: float
    """When the next look is due even if nothing changes."""
    checked: float
    """When the end of the log was read last."""

    def is_of(self, markers: Collection[Marker]) -> bool:
        """Whether the experiment still has exactly the markers of that look."""
        return self.markers == {marker.key for marker in markers}


class _Notes(msgspec.Struct, frozen=True):
    format: int = 0
    notes: dict[str, Note] = {}


_decoder = msgspec.json.Decoder(_Notes)


class QuietNotes:
    """The object with the notes of the installation `own`."""

    def __init__(self, store: Store, own: str) -> None:
        self._store = store
        self._key = f"installations/{own or 'any'}.quiet"

    def read(self) -> dict[Name, Note]:
        """Return the stored notes; none if there is no readable object. Raises `Retry`."""
        stored = self._store.get(self._key)
        if stored is None:
            return {}
        try:
            found = _decoder.decode(stored.data)
        except msgspec.MsgspecError as fault:
            log.warning("%s is unreadable, every experiment is looked at: %s", self._key, fault)
            return {}
        kept = found.notes if found.format == FORMAT else {}
        return {Name(*key.split("/")): n for key, n in kept.items() if key.count("/") == 1}

    def write(self, notes: Mapping[Name, Note]) -> None:
        """Replace the stored notes. Raises `Retry`."""
        named = {"/".join(name): note for name, note in notes.items()}
        self._store.put(self._key, msgspec.json.encode(_Notes(FORMAT, named)))
