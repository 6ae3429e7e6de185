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
        self._called: dict[str, float] = {}
        """When each namespace called last, the latest one at the end."""

    def __contains__(self, member: object) -> bool:
        if not isinstance(member, str) or member.endswith(_STREAM):
            return False
        return self._count[member] >= self._most and self._others_call(member)

    def called(self, member: str) -> None:
        """Note that a call of the member has come or has ended."""
        if member == UNSCOPED or member.endswith(_STREAM):
            return
        now = self._clock()
        self._called.pop(member, None)
        self._called[member] = now
        while now - self._called[first := next(iter(self._called))] > SECONDS:
            del self._called[first]

    def begun(self, member: str) -> None:
        self._count[member] += 1

    def ended(self, member: str) -> None:
        self._count[member] -= 1
        if not self._count[member]:
            del self._count[member]
        self.called(member)

    def _others_call(self, member: str) -> bool:
        latest = next((name for name in reversed(self._called) if name != member), None)
        return latest is not None and self._clock() - self._called[latest] <= SECONDS
