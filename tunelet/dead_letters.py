"""Dead letters: events that a broker could not deliver, kept to be looked at and replayed.

They lie in the store as the HTTP messages that they came as, LIMIT of them. Beyond that the oldest
of the namespace with the most is removed, so that a flood of one tenant's does not remove
another's. No experiment needs them: an event carries no truth.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

import msgspec

from tunelet.core.turns import by_group
from tunelet.errors import NotFound
from tunelet.ports import Store
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.limits import NAME

log = logging.getLogger("tunelet.dead_letters")

LIMIT = 1000
ID = rf"[0-9]{{15}}-[0-9a-f]{{16}}(\.{NAME})?"
"""When it was kept, the newest first; a hash; and the namespace that it belongs to, if any."""

_PREFIX = "dead/"
_LAST = 10**15 - 1
_SAME = ("ce-id", "ce-source", "ce-type", "ce-subject")
"""Two events with these attributes and with the same body are one."""
_HEADER = lazy_pattern(r"(content-type|ce-[a-z0-9._-]+):[^\r\n\0]*")


class DeadLetter(msgspec.Struct, frozen=True):
    """An event and the result of its delivery."""

    id: str
    at: float
    """When delivery was given up, in seconds since the epoch."""
    headers: dict[str, str]
    body: bytes
    """With `headers` the HTTP message in binary or structured mode."""
    destination: str | None = None
    """The function that did not accept it."""
    status: int | None = None
    """The answer to the last delivery; None: there was no answer."""
    answer: str | None = None

    @property
    def namespace(self) -> str:
        """The namespace that it belongs to; empty: it is the operator's."""
        return self.id.partition(".")[2]


def of_event(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that are part of an event, and none that a server would act on.

    The names of `headers` are in lower case.
    """
    return {name: value for name, value in headers.items() if _HEADER.fullmatch(f"{name}:{value}")}


class DeadLetters:
    """The dead letters in a store. Every method may raise `Retry`."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.time,
        store_of: Callable[[str], Store] | None = None,
    ) -> None:
        """`store_of` gives the part of the store that has the objects of a namespace."""
        self._store, self._clock = store, clock
        self._store_of = store_of or (lambda _: store)

    def keep(
        self,
        headers: dict[str, str],
        body: bytes,
        destination: str | None = None,
        status: int | None = None,
        answer: str | None = None,
        namespace: str = "",
    ) -> DeadLetter:
        """Keep an event in place of an earlier copy of it, and remove what is beyond the limit."""
        now = self._clock()
        id_ = ".".join(filter(None, (_id(now, headers, body), namespace)))
        letter = DeadLetter(id_, now, headers, body, destination, status, answer)
        self._store.put(_PREFIX + letter.id, msgspec.json.encode(letter))
        keys = list(self._store.list(_PREFIX))
        for key in _copies(keys, letter.id) or _surplus(keys):
            self._store.delete(key)
        return letter

    def newest(self, after: str = "", limit: int = 50) -> tuple[list[DeadLetter], str | None]:
        """A page from the newest on, and the `after` of the next page if there is one.

        The `after` names no namespace: a caller need not know that of the page's last one.
        """
        last = f"{_PREFIX}{after}~" if after else ""
        keys = list(self._store.list(_PREFIX, last, limit + 1))
        page = list(self._found(keys[:limit]))
        more = len(keys) > limit
        return page, keys[limit - 1].removeprefix(_PREFIX).partition(".")[0] if more else None

    def count(self, namespace: str) -> int:
        """Return how many belong to the namespace. Asks only the store that has them."""
        keys = self._store_of(namespace).list(_PREFIX)
        return sum(key.partition(".")[2] == namespace for key in keys)

    def get(self, id_: str) -> DeadLetter:
        """Raises `NotFound`."""
        found = next(self._found([_PREFIX + id_]), None) if re.fullmatch(ID, id_) else None
        if found is None:
            raise NotFound(f"there is no dead letter {id_!r}")
        return found

    def remove(self, id_: str) -> None:
        self._store.delete(_PREFIX + id_)

    def _found(self, keys: list[str]) -> Iterator[DeadLetter]:
        """Yield the letters that can be read.

        A tenant may be able to write into its own store. So a letter's id, which names its owner,
        is that of its key, and a replay sends nothing but an event.
        """
        for key in keys:
            id_ = key.removeprefix(_PREFIX)
            if not re.fullmatch(ID, id_) or (stored := self._store.get(key)) is None:
                continue
            try:
                letter = msgspec.json.decode(stored.data, type=DeadLetter)
            except (ValueError, RecursionError) as fault:
                log.warning("the dead letter %s is unreadable: %s", id_, fault)
                continue
            yield msgspec.structs.replace(letter, id=id_, headers=of_event(letter.headers))


def _copies(keys: list[str], id_: str) -> list[str]:
    """Return the keys of the letters with the same event, without the newest of them.

    Of two that are kept at the same time each call sees both: the newest must not depend on it.
    """
    same = id_.partition("-")[2]
    return [key for key in keys if key.partition("-")[2] == same][1:]


def _surplus(keys: list[str]) -> list[str]:
    """Return the keys to remove: the oldest of the namespace with the most, one after another."""
    if len(keys) <= LIMIT:
        return []
    groups = by_group(keys, lambda key: key.partition(".")[2])
    return [max(groups.values(), key=len).pop() for _ in range(len(keys) - LIMIT)]


def _id(now: float, headers: dict[str, str], body: bytes) -> str:
    """Sorts the newest first. An event always has the same hash."""
    event = msgspec.json.encode(([headers.get(name) for name in _SAME], body))
    return f"{_LAST - int(now * 1000):015d}-{sha256(event).hexdigest()[:16]}"
