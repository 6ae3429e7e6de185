"""How many calls of a namespace are answered at a time while other namespaces call, too.

Threads share the processor. If one tenant's calls are at work in nearly all threads, another's call
gets only a small part of the processor. So while others call, a namespace has a part of the
threads. A namespace alone may have all.
"""

import time
from collections import Counter
from collections.abc import Callable

SECONDS = 60.0
"""How long a namespace counts as one that calls after its last call."""

UNSCOPED = ""
"""The member for calls that name no namespace, such as probes. They limit no other member."""

_STREAM = "/"


def stream_of(namespace: str) -> str:
    """Return the member for a namespace's streams. It has no limit: they wait, and hardly compute.

    `functions.api.streams` limits their number.
    """
    return namespace + _STREAM


class AtWork:
    """The calls at work, by member: a namespace, its streams, or `UNSCOPED`.

    Contains the members that may begin no further call now. Threads need a lock around it.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`most` is how many calls a member may have at work while other namespaces call."""
        self._most, self._clock = most, clock
        self._count = Counter[str]()
        self._latest: tuple[str, float] | None = None
        """The namespace that called last, and when."""
        self._other: tuple[str, float] | None = None
        """The latest call of any other namespace. So names that callers invent take no memory."""

    def __contains__(self, member: object) -> bool:
        if not isinstance(member, str) or member.endswith(_STREAM):
            return False
        return self._count[member] >= self._most and self._others_call(member)

    def called(self, member: str) -> None:
        """Note that a call of the member has come or has ended."""
        if member == UNSCOPED or member.endswith(_STREAM):
            return
        if self._latest is not None and self._latest[0] != member:
            self._other = self._latest
        self._latest = member, self._clock()

    def begun(self, member: str) -> None:
        self._count[member] += 1

    def ended(self, member: str) -> None:
        self._count[member] -= 1
        if not self._count[member]:
            del self._count[member]
        self.called(member)

    def _others_call(self, member: str) -> bool:
        latest = self._latest
        if latest is not None and latest[0] == member:
            latest = self._other
        return latest is not None and self._clock() - latest[1] <= SECONDS
