"""One Store over several: some namespaces have a store of their own, the others share one.

The key says which namespace an object belongs to, so the parts above need not know:

    v1/{namespace}/…  live/{namespace}/…  index/{namespace}/…  studies/{namespace}/…
    expires/{milliseconds}/{namespace}/…
    dead/{id}.{namespace}

All else is the installation's and lies in the shared store: its leases, and the ledgers of quotas,
which a tenant with rights on its own store must not be able to change.

A listing over all namespaces leaves out the stores that cannot be read, and names them to the
caller who asks (`listed`): one tenant's fault must not stop the others. From each store it yields
only the keys of the namespaces that it serves, because a tenant may be able to write into its own.

A store that does not answer costs its deadline, 10 to 13 seconds. So what looks at all stores does
not ask it again for a while, which doubles. A request of the tenant itself always asks.
"""

import heapq
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, MutableSet
from itertools import chain, islice
from operator import methodcaller
from typing import NamedTuple, TypeVar

from tunelet.errors import Retry, TuneletError, Unavailable
from tunelet.log.parallel import at_once
from tunelet.ports import Store, Stored
from tunelet.text.lazy_pattern import lazy_pattern

log = logging.getLogger("tunelet.log.tenant_stores")

T = TypeVar("T")

AWAY_SECONDS, LONGEST_AWAY_SECONDS = 15.0, 120.0
"""How long a store that did not answer is not asked again: at first, and at most."""

_OF = lazy_pattern(
    r"(?:(?:v1|live|index|studies)|expires/[0-9]+)/([^/]+)/.*|dead/[^/.]+\.([^/]+)", re.DOTALL
)
_SHARED = ("v1/", "live/", "index/", "studies/", "expires/", "dead/")
"""The beginnings of the keys that name a namespace."""


def namespace_of(key: str) -> str | None:
    """Return the namespace that the object at `key` belongs to; None if it is the installation's.

    `key` may be a prefix that names the namespace in full.
    """
    found = _OF.fullmatch(key)
    return found and (found[1] or found[2])


class _Pause(NamedTuple):
    until: float
    seconds: float


class _Pauses:
    """The stores that did not answer, and until when they are not asked. Threads may share one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pauses: dict[str, _Pause] = {}

    def check(self, namespace: str) -> None:
        """Raise `Unavailable` while the namespace's store is not asked."""
        pause = self._pauses.get(namespace)
        if pause is not None and self._clock() < pause.until:
            raise Unavailable(f"the store of {namespace} did not answer and is asked again later")

    def failed(self, namespace: str) -> None:
        """Begin a pause, twice as long as the one before."""
        last = self._pauses.get(namespace)
        seconds = min(LONGEST_AWAY_SECONDS, 2 * last.seconds) if last else AWAY_SECONDS
        self._pauses[namespace] = _Pause(self._clock() + seconds, seconds)

    def answered(self, namespace: str) -> None:
        self._pauses.pop(namespace, None)


class TenantStores:
    """Sends each request to the store of the key's namespace. Threads may share one."""

    def __init__(
        self,
        shared: Store,
        own: Mapping[str, Store],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`own` has the store of each namespace that does not use the `shared` one."""
        self.url = shared.url
        self._shared = shared
        self._own = own
        self._pauses = _Pauses(clock)

    @property
    def own(self) -> Mapping[str, Store]:
        """The stores of the namespaces that do not use the shared one."""
        return self._own

    def of(self, namespace: str | None) -> Store:
        """Return the store with the objects of the namespace, or of the installation."""
        return self._shared if namespace is None else self._own.get(namespace, self._shared)

    def get(self, key: str) -> Stored | None:
        return self._at(key).get(key)

    def part(self, key: str, start: int, size: int) -> bytes | None:
        return self._at(key).part(key, start, size)

    def create(self, key: str, data: bytes) -> bool:
        return self._at(key).create(key, data)

    def put(self, key: str, data: bytes) -> None:
        self._at(key).put(key, data)

    def replace(self, key: str, data: bytes, version: str) -> bool:
        return self._at(key).replace(key, data, version)

    def copy(self, key: str, to: str) -> bool:
        """Copy within a store. Raises `ValueError` for two keys of different ones."""
        store = self._at(key)
        if store is not self._at(to):
            raise ValueError(f"{key} and {to} are in different stores")
        return store.copy(key, to)

    def delete(self, key: str) -> None:
        self._at(key).delete(key)

    def ready(self) -> None:
        """Ask the shared store: the service serves the others while one tenant's is away."""
        self._shared.ready()

    def size(self, prefix: str, most: int) -> int:
        return self._at(prefix).size(prefix, most)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        if namespace_of(prefix) is not None or not _spans(prefix):
            return self._at(prefix).list(prefix, after, limit)
        return self.across(prefix, after, limit, set())

    def across(
        self, prefix: str, after: str, limit: int | None, left_out: MutableSet[str]
    ) -> Iterator[str]:
        """List over all namespaces. Those with stores that cannot be read are added to `left_out`.

        The first page of each store is read at the same time.
        """
        own = sorted(self._own)
        begun = at_once(lambda name: self._begun(name, prefix, after, left_out), own)
        shared = (
            key
            for key in self._shared.list(prefix, after)
            if (namespace_of(key) or "") not in self._own
        )
        return islice(heapq.merge(shared, *begun, key=methodcaller("encode")), limit)

    def _begun(
        self, namespace: str, prefix: str, after: str, left_out: MutableSet[str]
    ) -> Iterator[str]:
        """Begin to list the namespace's keys in its own store, and read the first."""
        keys = self._owned(namespace, prefix, after, left_out)
        first = next(keys, None)
        return iter(()) if first is None else chain([first], keys)

    def _owned(
        self, namespace: str, prefix: str, after: str, left_out: MutableSet[str]
    ) -> Iterator[str]:
        try:
            for key in self.tried(namespace, lambda store: _listing(store, prefix, after)):
                if namespace_of(key) == namespace:
                    yield key
        except TuneletError as fault:
            left_out.add(namespace)
            log.warning("a tenant's store is away: %s", fault, extra={"namespace": namespace})
        except Exception:
            left_out.add(namespace)
            log.exception("a tenant's store is away", extra={"namespace": namespace})

    def tried(self, namespace: str, call: Callable[[Store], T]) -> T:
        """Return the call's result with the namespace's own store.

        Raises what the call raises, and `Unavailable` at once if the store did not answer lately.
        """
        self._pauses.check(namespace)
        try:
            result = call(self._own[namespace])
        except Retry:
            self._pauses.failed(namespace)
            raise
        self._pauses.answered(namespace)
        return result

    def _at(self, key: str) -> Store:
        return self.of(namespace_of(key))


def store_of(store: Store, namespace: str) -> Store:
    """Return the store that has the objects of the namespace."""
    return store.of(namespace) if isinstance(store, TenantStores) else store


def tried(store: Store, namespace: str, call: Callable[[Store], T]) -> T:
    """Return the call's result with the namespace's store. Raises as `TenantStores.tried` does."""
    return store.tried(namespace, call) if isinstance(store, TenantStores) else call(store)


def separate(store: Store) -> Mapping[str, Store]:
    """Return the stores of the namespaces that have one of their own."""
    return store.own if isinstance(store, TenantStores) else {}


def left_behind(store: Store, prefix: str) -> bool:
    """Whether the shared store has such keys of a namespace that has a store of its own by now."""
    own = namespace_of(prefix) in separate(store)
    return own and isinstance(store, TenantStores) and any(store.of(None).list(prefix, limit=1))


def listed(store: Store, prefix: str, left_out: MutableSet[str]) -> Iterator[str]:
    """List over all namespaces. Those with stores that cannot be read are added to `left_out`."""
    if isinstance(store, TenantStores):
        return store.across(prefix, "", None, left_out)
    return store.list(prefix)


def _listing(store: Store, prefix: str, after: str) -> Iterator[str]:
    """Begin to list, and read the first key: a listing sends no request before that."""
    keys = store.list(prefix, after)
    first = next(keys, None)
    return iter(()) if first is None else chain([first], keys)


def _spans(prefix: str) -> bool:
    """Whether keys of several namespaces may begin with the prefix."""
    return any(each.startswith(prefix) or prefix.startswith(each) for each in _SHARED)
