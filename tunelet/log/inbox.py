"""Batches of commands that contending writers leave for one of them to commit together.

    v1/{namespace}/{experiment}/inbox/{milliseconds:015d}-{random}.json

Where processes contend for the next entry, one wins each time and the work of the others is
lost. So a process that loses writes its commands here as a batch, and waits until they are in
the log. The process with the oldest batch, or one that has waited too long, commits all batches
in one entry. A batch is not part of the log: its commands are decided like any others and have
natural keys, so that reading it twice, or never removing it, does no harm. When a process leaves
a batch, and when it commits those of others, is decided in tunelet.log.committer.
"""

import logging
import time
from collections.abc import Sequence
from secrets import token_hex
from threading import Thread

import msgspec

from tunelet.core.commands import (
    AddTrials,
    Ask,
    ChangeTrial,
    Command,
    CreateTrial,
    EndTrial,
    Enqueue,
    Finish,
    Import,
    Join,
    Leave,
    Record,
    Start,
    TakeTrial,
    Tick,
)
from tunelet.errors import TuneletError
from tunelet.log.entry import FORMAT
from tunelet.log.parallel import at_once
from tunelet.ports import Store

log = logging.getLogger("tunelet.inbox")

FULL = 256
"""The most batches that one entry commits. Bounds the entry's size."""


class Order(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Commands that are recorded together or not at all, for one life of an experiment's name."""

    uid: str
    commands: tuple[Command, ...]
    by: str = ""
    """The installation that takes the slots that become free."""
    places: int | None = None
    """How many slots it may have; None: any number."""


class _Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    orders: tuple[Order, ...]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Batch)


_REPEATABLE = (
    *(AddTrials, Ask, Finish, Import, Join, Leave, Record, Start, Tick),
    *(CreateTrial, TakeTrial, ChangeTrial, EndTrial),
)


def may_wait(uid: str | None, commands: Sequence[Command]) -> bool:
    """Whether the commands may be committed late, or sent again, without harm."""
    return uid is not None and all(
        isinstance(each, _REPEATABLE) or (isinstance(each, Enqueue) and each.key is not None)
        for each in commands
    )


class Inbox:
    """The batches of one experiment. Their names sort by the time they were written."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self._prefix = f"{path}inbox/"

    def new(self) -> str:
        return f"{int(time.time() * 1000):015d}-{token_hex(8)}"

    def put(self, name: str, orders: Sequence[Order]) -> None:
        self._store.put(self._key(name), _encoder.encode(_Batch(FORMAT, tuple(orders))))

    def waiting(self) -> list[str]:
        """Return the names of the batches, oldest first."""
        keys = self._store.list(self._prefix, limit=FULL)
        return [key.removeprefix(self._prefix).removesuffix(".json") for key in keys]

    def open(self, names: Sequence[str]) -> dict[str, tuple[Order, ...]]:
        """Read the batches that still exist. An unreadable one counts as empty."""
        found = at_once(self._store.get, [self._key(name) for name in names])
        return {
            name: _orders(stored.data)
            for name, stored in zip(names, found, strict=True)
            if stored is not None
        }

    def remove(self, names: Sequence[str]) -> None:
        """Remove batches in the background. Ignores faults: the next reader tries again."""
        for name in names:
            Thread(target=self._remove, args=(name,), daemon=True).start()

    def _remove(self, name: str) -> None:
        try:
            self._store.delete(self._key(name))
        except TuneletError as fault:
            log.warning("inbox batch %s stays: %s", name, fault)

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}.json"


def _orders(data: bytes) -> tuple[Order, ...]:
    try:
        batch = _decoder.decode(data)
    except msgspec.MsgspecError:
        return ()
    return batch.orders if batch.format <= FORMAT else ()
