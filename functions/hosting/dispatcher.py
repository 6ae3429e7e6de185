"""The threads that answer calls, and the calls that wait for one.

Namespaces take turns, and within a namespace its experiments. So one tenant's flood does not put
another's call at the end of a long queue: that call is the next when any call ends.
"""

import re
from typing import TYPE_CHECKING, Any, cast

from waitress.task import ThreadedTaskDispatcher

from tunelet.core.turns import Turns
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.limits import NAME

if TYPE_CHECKING:
    from waitress.channel import HTTPChannel

_PATH = lazy_pattern(
    rf"/api(/namespaces/(?P<namespace>{NAME}))?(/experiments/(?P<experiment>{NAME}))?(/|$)",
    re.ASCII,
)


class Dispatcher(ThreadedTaskDispatcher):
    """Runs `threads` threads; each answers the call with the next turn."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.queue = cast("Any", Waiting())
        self.set_thread_count(threads)


class Waiting:
    """A queue of connections with a complete request."""

    def __init__(self) -> None:
        self._turns = Turns["HTTPChannel"]()

    def __len__(self) -> int:
        return len(self._turns)

    def append(self, connection: "HTTPChannel") -> None:
        request = cast("Any", connection).requests[0]
        found = _PATH.match(getattr(request, "path", ""))  # an invalid request has none
        # Calls that name no namespace share the turns of the usual one.
        namespace = (found and found["namespace"]) or "default"
        self._turns.put(namespace, (found and found["experiment"]) or "", connection)

    def popleft(self) -> "HTTPChannel":
        return self._turns.pop()
