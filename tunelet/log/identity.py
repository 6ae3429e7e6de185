"""The identity of a store: an object with a random value, written once.

    identity        32 hex digits

A run records the store that launched it. So a service that finds a run without a log can tell a
lost log from a run of another store.
"""

from secrets import token_hex

from tunelet.errors import Retry
from tunelet.ports import Store

KEY = "identity"


class Identity:
    """The identity of a store. Threads may share one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: str | None = None

    def known(self) -> str:
        """Return the identity, and write one if there is none. Read once in a process."""
        if self._known is None:
            found = self.now()
            if found is None:
                self._store.create(KEY, token_hex(16).encode())
                found = self.now()
            if found is None:
                raise Retry("the store does not show its identity")
            self._known = found
        return self._known

    def now(self) -> str | None:
        """Read the identity that the store has now; None if it has none."""
        stored = self._store.get(KEY)
        return stored.data.decode() if stored is not None else None
