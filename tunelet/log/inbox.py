"""Commands that many writers leave for one of them to put into the log together.

    v1/{namespace}/{experiment}/inbox/{milliseconds:015d}-{random}.json

Where instances contend for the next entry, one of them wins each time and all others did
their work for nothing. So whoever loses puts its commands here, as a letter, and waits until
its commands stand; whoever's letter is the oldest, or has waited too long, writes them all in
one entry. A letter carries no truth: its commands are decided like any others, and have
natural keys, so that it does not matter how often it is opened, or that it stays behind.
"""

import logging
import time
from collections.abc import Sequence
from secrets import token_hex
from threading import Thread

import msgspec

from tunelet.core.commands import AddTrials, Command, Enqueue, Finish, Record, Start, Tick
from tunelet.errors import TuneletError
from tunelet.log.entry import FORMAT
from tunelet.log.parallel import at_once
from tunelet.ports import Store

log = logging.getLogger("tunelet.inbox")

FULL = 256
"""At most so many letters are put into an entry, which bounds its size."""


class Order(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Commands that stand together or not at all, for one life of an experiment's name."""

    uid: str
    commands: tuple[Command, ...]
    by: str = ""
    """The installation that takes the slots which become free."""
    places: int | None = None
    """How many it may have; None: any number."""


class _Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    orders: tuple[Order, ...]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Letter)


def may_wait(uid: str | None, commands: Sequence[Command]) -> bool:
    """Whether it does no harm if the commands come into the log late, or are asked for again."""
    return uid is not None and all(
        isinstance(each, AddTrials | Finish | Record | Start | Tick)
        or (isinstance(each, Enqueue) and each.key is not None)
        for each in commands
    )


class Inbox:
    """The letters of one experiment, by names that sort by the time they were sent."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self._prefix = f"{path}inbox/"

    def new(self) -> str:
        return f"{int(time.time() * 1000):015d}-{token_hex(8)}"

    def put(self, name: str, orders: Sequence[Order]) -> None:
        self._store.put(self._key(name), _encoder.encode(_Letter(FORMAT, tuple(orders))))

    def waiting(self) -> list[str]:
        """The names of the letters, oldest first."""
        keys = self._store.list(self._prefix, limit=FULL)
        return [key.removeprefix(self._prefix).removesuffix(".json") for key in keys]

    def open(self, names: Sequence[str]) -> dict[str, tuple[Order, ...]]:
        """The letters that are still there; one that cannot be read is as empty."""
        found = at_once(self._store.get, [self._key(name) for name in names])
        return {
            name: _orders(stored.data)
            for name, stored in zip(names, found, strict=True)
            if stored is not None
        }

    def remove(self, names: Sequence[str]) -> None:
        """Soon, and without a word if it fails: whoever opens a letter next will try again."""
        for name in names:
            Thread(target=self._remove, args=(name,), daemon=True).start()

    def _remove(self, name: str) -> None:
        try:
            self._store.delete(self._key(name))
        except TuneletError as fault:
            log.warning("letter %s stays: %s", name, fault)

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}.json"


def _orders(data: bytes) -> tuple[Order, ...]:
    try:
        letter = _decoder.decode(data)
    except msgspec.MsgspecError:
        return ()
    return letter.orders if letter.format <= FORMAT else ()
