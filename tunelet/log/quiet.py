"""Notes of quiet experiments, kept for the next process that sweeps.

    installations/{id}.quiet    {"format":1,"notes":{"{namespace}/{experiment}":[…],…}}

A note says that a sweep found nothing to do in an experiment whose log ended at entry `seq`. It is
a hint: the object may be absent, old or unreadable, and two sweeps may overwrite each other's. What
a note claims stays true of its time, and `Idle` bounds how long it is relied on.

The notes of a namespace with a store of its own lie there.
"""

import logging
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from tunelet.errors import TuneletError
from tunelet.log.entry import FORMAT
from tunelet.log.markers import Marker
from tunelet.log.parallel import at_once
from tunelet.log.tenant_stores import separate, tried
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
    runs: str = ""
    """A digest of the active runs and the versions of their states; empty: no runs."""

    def is_of(self, markers: Collection[Marker]) -> bool:
        """Whether the experiment still has exactly the markers of that look."""
        return self.markers == {marker.key for marker in markers}


class _Notes(msgspec.Struct, frozen=True):
    format: int = 0
    notes: dict[str, Note] = {}


_decoder = msgspec.json.Decoder(_Notes)


class QuietNotes:
    """The objects with the notes of the installation `own`, one in each store."""

    def __init__(self, store: Store, own: str) -> None:
        self._store = store
        self._separate = separate(store)
        self._key = f"installations/{own or 'any'}.quiet"
        self._noted = set[str]()
        """The namespaces with a store of their own that has notes."""

    def read(self) -> dict[Name, Note]:
        """Return the stored notes; none if there is no readable object. Raises `Retry`."""
        found = self._read(self._store)
        notes = {name: n for name, n in found.items() if name.namespace not in self._separate}
        for own in at_once(self._own, sorted(self._separate)):
            self._noted.update(name.namespace for name in own)
            notes |= own
        return notes

    def write(self, notes: Mapping[Name, Note]) -> None:
        """Replace the stored notes. Raises `Retry`."""
        parts: dict[str | None, dict[Name, Note]] = {None: {}}
        for name, note in notes.items():
            owner = name.namespace if name.namespace in self._separate else None
            parts.setdefault(owner, {})[name] = note
        noted, self._noted = self._noted, {owner for owner in parts if owner is not None}
        self._write(self._store, parts[None])
        at_once(lambda owner: self._write_own(owner, parts.get(owner, {})), [*noted | self._noted])

    def _own(self, namespace: str) -> dict[Name, Note]:
        """Return the notes in the namespace's own store, none if it is away."""
        try:
            found = tried(self._store, namespace, self._read)
        except TuneletError as fault:
            log.warning("the notes of %s are not read: %s", namespace, fault)
            return {}
        return {name: note for name, note in found.items() if name.namespace == namespace}

    def _write_own(self, namespace: str, notes: Mapping[Name, Note]) -> None:
        try:
            tried(self._store, namespace, lambda store: self._write(store, notes))
        except TuneletError as fault:
            log.warning("the notes of %s are not stored: %s", namespace, fault)

    def _read(self, store: Store) -> dict[Name, Note]:
        stored = store.get(self._key)
        if stored is None:
            return {}
        try:
            found = _decoder.decode(stored.data)
        except (ValueError, RecursionError) as fault:
            # Those of msgspec, of text that is not UTF-8, and of deep nesting: a tenant may be able
            # to write the object.
            log.warning("%s is unreadable, every experiment is looked at: %s", self._key, fault)
            return {}
        kept = found.notes if found.format == FORMAT else {}
        return {Name(*key.split("/")): n for key, n in kept.items() if key.count("/") == 1}

    def _write(self, store: Store, notes: Mapping[Name, Note]) -> None:
        named = {"/".join(name): note for name, note in notes.items()}
        store.put(self._key, msgspec.json.encode(_Notes(FORMAT, named)))
