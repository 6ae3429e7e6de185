"""A Store wrapper that retries transient errors.

A reader of a log needs many answers in a row: without retries one fault would fail the whole
read. Only idempotent requests are retried: reads, `put` and `delete`. After a fault of `create`
or `replace` it is not known whether the write succeeded, and only the writer can find out
(tunelet.log.writer); a second try would meet its own write as a conflict.
"""

import math
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, count
from typing import TypeVar

from adapters.storage.wrapper import Kind, StoreWrapper
from tunelet.errors import Retry, Throttled
from tunelet.ports import Store

T = TypeVar("T")

DEADLINE_SECONDS = 10.0
READY_SECONDS = 2.0
SHORTEST_SECONDS, LONGEST_SECONDS = 0.02, 2.0
THROTTLED_SECONDS, LONGEST_THROTTLED_SECONDS = 0.5, 8.0
"""The bounds of the first and of any wait, in seconds, when the store is overloaded."""


class RetryingStore(StoreWrapper):
    """Retries the idempotent requests to `inner` for up to `deadline` seconds.

    Until the store has answered once it is `first` seconds: a person waits for a command, and a
    store that has never answered is more likely misnamed than away.

    Waits are random, below a bound that doubles ("full jitter", Brooker 2015,
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A Retry-After
    of the server is waited for in full, plus the jitter, so that not all clients return at
    the same time. If the deadline does not allow the wait, the last fault is raised at once.
    """

    def __init__(
        self,
        inner: Store,
        *,
        deadline: float = DEADLINE_SECONDS,
        first: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        between: Callable[[float, float], float] = random.uniform,
    ) -> None:
        super().__init__(inner)
        self._deadline, self._first = deadline, deadline if first is None else first
        self.answered = False
        """Whether the store has answered any idempotent request."""
        self._sleep, self._clock, self._between = sleep, clock, between

    def request(self, kind: Kind, send: Callable[[], T]) -> T:
        """Retry what is idempotent. A probe asks about now, so it is given two seconds at most."""
        if kind in ("create", "replace"):
            return send()
        return self._retried(send, READY_SECONDS if kind == "ready" else math.inf)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        """List keys. An interrupted listing continues after the last key that it yielded."""
        given = 0
        while True:
            left = None if limit is None else limit - given
            keys, first = self._retried(partial(_begun, self.inner, prefix, after, left))
            if first is None:
                return
            try:
                for key in chain([first], keys):
                    yield key
                    after, given = key, given + 1
            except Retry:
                continue
            return

    def _retried(self, call: Callable[[], T], most: float = math.inf) -> T:
        start = self._clock()
        for tries in count():
            try:
                answer = call()
                self.answered = True
                return answer
            except Retry as fault:
                self.answered = self.answered or isinstance(fault, Throttled)
                until = start + min(self._deadline if self.answered else self._first, most)
                wait = (fault.after or 0.0) + self._between(0.0, _bound(fault, tries))
                if self._clock() + wait >= until:
                    raise
                self._sleep(wait)
        raise AssertionError("unreachable")


def _bound(fault: Retry, tries: int) -> float:
    doubled = float(1 << min(tries, 10))
    if isinstance(fault, Throttled):
        return min(LONGEST_THROTTLED_SECONDS, THROTTLED_SECONDS * doubled)
    return min(LONGEST_SECONDS, SHORTEST_SECONDS * doubled)


def _begun(
    store: Store, prefix: str, after: str, limit: int | None
) -> tuple[Iterator[str], str | None]:
    """Begin a listing and read its first key: a listing sends no request before that."""
    keys = store.list(prefix, after, limit)
    return keys, next(keys, None)
