"""The threads that answer calls, and the calls that wait for one.

Namespaces take turns, and within a namespace its experiments. So one tenant's flood does not put
another's call at the end of a long queue: that call is the next when any call ends. While several
namespaces call, each has only a part of the threads (functions.hosting.at_work).
"""

import re
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from waitress.task import ThreadedTaskDispatcher

from functions.hosting.at_work import UNSCOPED, AtWork, stream_of
from tunelet.core.turns import Turns
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.limits import NAME

if TYPE_CHECKING:
    from waitress.channel import HTTPChannel

SCOPED = ("experiments", "metrics", "overview", "rights", "studies", "submit_job")
"""The first words of paths that may leave out their namespace, which is then "default"."""

_PART = 4
"""While several namespaces call, each may have one thread in four."""

_PATH = lazy_pattern(
    rf"/api(/namespaces/(?P<namespace>{NAME})|(?=/({'|'.join(SCOPED)})(/|$)))"
    rf"(/experiments/(?P<experiment>{NAME})(?P<stream>/trials/[0-9]+/(logs|artifact)/?$)?)?(/|$)",
    re.ASCII,
)


class Dispatcher(ThreadedTaskDispatcher):
    """Runs `threads` threads; each answers the call with the next turn."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        at_work = AtWork(max(1, threads // _PART))
        self.queue = cast("Any", Waiting(at_work, self.lock))
        self.set_thread_count(threads)

    def wake(self) -> None:
        """Wake the threads if a call that waits may begin by now. Call it each second.

        No call has to end for that: the others may have stopped calling.
        """
        with self.lock:
            if self.queue:
                self.queue_cv.notify_all()

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        with self.lock:
            cast("Waiting", self.queue).unlimited = True  # so that waiting calls can be cancelled
        return bool(super().shutdown(cancel_pending, cast("int", timeout)))


class Waiting:
    """A queue of connections with a complete request. All methods are called with `lock`.

    It is true if a call may begin now: waitress's threads take one as long as their queue is true.
    """

    def __init__(self, at_work: AtWork, lock: Lock) -> None:
        self._turns = Turns["HTTPChannel"]()
        self._at_work, self._lock = at_work, lock
        self.unlimited = False

    def __len__(self) -> int:
        return len(self._turns)

    def __bool__(self) -> bool:
        return any(self.unlimited or each not in self._at_work for each in self._turns.namespaces())

    def append(self, connection: "HTTPChannel") -> None:
        member, experiment = _member_and_experiment(connection)
        self._at_work.called(member)
        self._turns.put(member, experiment, connection)

    def popleft(self) -> "Call":
        member, connection = self._turns.pop_except(() if self.unlimited else self._at_work)
        self._at_work.begun(member)
        return Call(connection, member, self._at_work, self._lock)


class Call(NamedTuple):
    """A call at work."""

    connection: "HTTPChannel"
    member: str
    at_work: AtWork
    lock: Lock

    def service(self) -> None:
        """Answer it, and count it as ended, however it ends."""
        try:
            self.connection.service()
        finally:
            with self.lock:
                self.at_work.ended(self.member)

    def cancel(self) -> None:
        self.connection.cancel()


def _member_and_experiment(connection: "HTTPChannel") -> tuple[str, str]:
    """Return the member of `AtWork` that calls, and the experiment that is called, or ""."""
    request = cast("Any", connection).requests[0]
    found = _PATH.match(getattr(request, "path", ""))  # an invalid request has none
    if found is None:
        return UNSCOPED, ""
    namespace, experiment = found["namespace"] or "default", found["experiment"] or ""
    return (stream_of(namespace) if found["stream"] else namespace), experiment
