"""Commands that many writers leave for one of them to put into the log together.

    v1/{namespace}/{experiment}/inbox/{milliseconds:015d}-{random}.json

Where instances contend for the next entry, one of them wins each time and all others did
their work for nothing. So whoever loses puts its commands here, as a letter, and waits until
its commands stand; whoever's letter is the oldest, or has waited too long, writes them all in
one entry. A letter carries no truth: its commands are decided like any others, and have
natural keys, so that it does not matter how often it is opened, or that it stays behind.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import msgspec

from tunelet.commands import AddTrials, Command, Enqueue, Finish, Record, Start, Tick
from tunelet.entry import FORMAT
from tunelet.ports import Store

TOGETHER = 32
"""Letters opened, and reads under way, at once."""

FULL = 256
"""At most so many letters are put into an entry, which bounds its size."""


class Order(msgspec.Struct, frozen=True):
    """Commands that stand together or not at all, for one life of an experiment's name."""

    uid: str
    commands: tuple[Command, ...]


class _Letter(msgspec.Struct, frozen=True):
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
    """The letters of one experiment."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self._prefix = f"{path}inbox/"

    def new(self) -> str:
        """A key for a letter that is sent now: older ones sort first."""
        return f"{self._prefix}{int(time.time() * 1000):015d}-{token_hex(8)}.json"

    def put(self, key: str, orders: Sequence[Order]) -> None:
        self._store.put(key, _encoder.encode(_Letter(FORMAT, tuple(orders))))

    def waiting(self) -> list[str]:
        """The keys of the letters, oldest first."""
        return list(self._store.list(self._prefix, limit=FULL))

    def open(self, keys: Sequence[str]) -> dict[str, tuple[Order, ...]]:
        """The letters that are still there; one that cannot be read is as empty."""
        if not keys:
            return {}
        with ThreadPoolExecutor(min(TOGETHER, len(keys))) as readers:
            found = zip(keys, readers.map(self._store.get, keys), strict=True)
            return {key: _orders(stored.data) for key, stored in found if stored is not None}

    def remove(self, keys: Sequence[str]) -> None:
        if keys:
            with ThreadPoolExecutor(min(TOGETHER, len(keys))) as removers:
                list(removers.map(self._store.delete, keys))


def _orders(data: bytes) -> tuple[Order, ...]:
    try:
        letter = _decoder.decode(data)
    except msgspec.MsgspecError:
        return ()
    return letter.orders if letter.format <= FORMAT else ()
