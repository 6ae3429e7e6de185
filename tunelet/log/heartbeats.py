"""Heartbeats of the running trials of a study, beside its log.

The callers of one process write one object for all their trials:

    v1/{namespace}/{experiment}/trials/{uid}/heartbeats/{token}

    {"format":1,"beats":{"3":17},"at":{"3":1795476224.1}}
"""

import logging

import msgspec

from tunelet.log.entry import FORMAT
from tunelet.ports import Store

log = logging.getLogger("tunelet.heartbeats")


class Beats(msgspec.Struct, frozen=True):
    beats: dict[int, int] = {}
    """How many heartbeats each trial has sent, by its number."""
    at: dict[int, float] = {}
    """The time of the last one, in seconds since 1970, by the writer's clock."""
    format: int = FORMAT


_decoder = msgspec.json.Decoder(Beats)


class StoredBeats:
    """The heartbeats below a prefix of a store, by the token of the process that sends them."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def write(self, token: str, beats: Beats) -> None:
        """Replace the heartbeats of a process. Raises `Retry`."""
        self._store.put(self._prefix + token, msgspec.json.encode(beats))

    def read(self, token: str) -> Beats | None:
        """Return the heartbeats of a process; None if this version cannot read them."""
        stored = self._store.get(self._prefix + token)
        if stored is None:
            return Beats()
        try:
            return _decoder.decode(stored.data)
        except msgspec.MsgspecError as fault:
            log.warning("heartbeats of %s cannot be read: %s", token, fault)
            return None
