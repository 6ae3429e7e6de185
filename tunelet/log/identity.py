"""The identity of a store: an object with a random value, written once.

    identity        32 hex digits

A run records the store that launched it. So a service that finds a run without a log can tell a
lost log from a run of another store.
"""

from secrets import token_hex

from tunelet.errors import Retry
from tunelet.log.tenant_stores import store_of
from tunelet.ports import Store

KEY = "identity"


class Identity:
    """The identity of the store of each namespace. Threads may share one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[Store, str] = {}
        """By the store itself: two may have one URL, at different endpoints or accounts."""

    def known(self, namespace: str) -> str:
        """Return the identity, and write one if there is none. Read once in a process."""
        store = store_of(self._store, namespace)
        if store not in self._known:
            found = self.now(namespace)
            if found is None:
                store.create(KEY, token_hex(16).encode())
                found = self.now(namespace)
            if found is None:
                raise Retry("the store does not show its identity")
            self._known[store] = found
        return self._known[store]

    def now(self, namespace: str) -> str | None:
        """Read the identity that the store has now; None if it has none."""
        stored = store_of(self._store, namespace).get(KEY)
        return stored.data.decode() if stored is not None else None
