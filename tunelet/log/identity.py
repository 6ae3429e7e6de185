"""What tells one store from another: an object with a random name, made once.

    identity        32 hex digits

A run remembers the store from which it was launched. So a service that finds a run of which its log
knows nothing can tell whether it has lost something, or was given another store.
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
        """The identity, made if there is none yet; read once in a process."""
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
        """The identity that the store has at this moment; None if it has none."""
        stored = self._store.get(KEY)
        return stored.data.decode() if stored is not None else None
