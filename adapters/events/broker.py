"""A broker in this process that routes events like Knative's, at least once.

It reads the same Trigger manifests, delivers the same HTTP messages, routes events in a function's
answer, and retries after the same status codes (Knative's delivery: 5xx, 404, 408, 409 and 429; any
other 4xx is final). Namespaces take turns, and experiments within one, so a flood of one tenant's
events does not delay another's. Events are in memory. If they are lost with the process, that costs
only latency, because `sweep` finds the work.
"""

import heapq
import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from adapters.events.cloudevents import binary
from adapters.events.signature import Signature
from adapters.events.triggers import Trigger
from tunelet.core.signal import Signal
from tunelet.core.turns import Turns
from tunelet.ports import Publisher

log = logging.getLogger("tunelet.broker")

_RETRIED = frozenset({404, 408, 409, 429})
_PREFIX = "ce-"
_SHOWN = 768
"""The bytes of an answer that a dead letter has."""


class Delivered(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


Target = Callable[[dict[str, str], bytes], Delivered]
"""Takes an event as an HTTP message in binary mode. Raises `OSError` if it cannot be reached."""


class _Delivery(NamedTuple):
    subscriber: str
    headers: dict[str, str]
    body: bytes
    tries: int = 0

    @property
    def same_as(self) -> tuple[str, str | None, str | None] | None:
        """A key that interchangeable signals share; None for an event with its own data."""
        kind = self.headers.get("ce-type", "")
        if not kind.endswith((".requested", ".changed")):
            return None
        return self.subscriber, kind, self.headers.get("ce-subject")

    @property
    def of(self) -> tuple[str, str]:
        """The namespace and the experiment; empty for an event of neither."""
        namespace, _, rest = self.headers.get("ce-subject", "").partition("/")
        return namespace, rest.partition("/")[0]


class _Line:
    """The deliveries that wait for one subscriber: until they are due, and then for their turn."""

    def __init__(self) -> None:
        self._order = count()
        self._later: list[tuple[float, int, _Delivery]] = []
        self._due: Turns[_Delivery] = Turns()
        self._pending: set[tuple[str, str | None, str | None]] = set()
        self._changed = threading.Condition()
        self._open = True

    def put(self, delivery: _Delivery, delay: float) -> None:
        with self._changed:
            same = delivery.same_as
            if same is not None and same in self._pending:
                return  # the one that waits has the same effect
            if same is not None:
                self._pending.add(same)
            self._add(delivery, delay)
            self._changed.notify()

    def _add(self, delivery: _Delivery, delay: float) -> None:
        if delay:
            heapq.heappush(self._later, (time.monotonic() + delay, next(self._order), delivery))
        else:
            self._due.put(*delivery.of, delivery)

    def take(self) -> _Delivery | None:
        """Wait for a delivery that is due; None once the line is closed."""
        with self._changed:
            while self._open:
                wait = self._ripen()
                if self._due:
                    return self._taken(self._due.pop())
                self._changed.wait(wait)
        return None

    def _ripen(self) -> float | None:
        """Let those take turns that are due; returns the seconds until the next one is."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            delivery = heapq.heappop(self._later)[2]
            self._due.put(*delivery.of, delivery)
        return self._later[0][0] - now if self._later else None

    def _taken(self, delivery: _Delivery) -> _Delivery:
        if delivery.same_as is not None:
            self._pending.discard(delivery.same_as)
        return delivery

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify_all()


class Broker:
    """Delivers to `targets`, the functions by name, with `workers` threads for each.

    So a slow function does not delay another. A delivery is tried `attempts` times, `backoff` * 2^n
    seconds apart. Then the event goes to the target `sink`, with Knative's attributes of the fault
    (`knativeerrordest`, `knativeerrorcode`, `knativeerrordata`). Signals have a `signature`.
    """

    def __init__(
        self,
        triggers: Sequence[Trigger],
        targets: Mapping[str, Target],
        *,
        workers: int = 4,
        attempts: int = 6,
        backoff: float = 0.2,
        sink: str | None = None,
        signature: Signature | None = None,
    ) -> None:
        self._triggers = triggers
        self._targets = targets
        self._attempts = attempts
        self._backoff = backoff
        self._sink = sink
        self._signature = signature or Signature()
        names = {trigger.subscriber for trigger in triggers} | ({sink} if sink else set())
        self._lines = {name: _Line() for name in names}
        self._threads = [
            threading.Thread(target=self._work, args=(line,), name=f"{name}-{n}", daemon=True)
            for name, line in self._lines.items()
            for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def publish(self, signal: Signal) -> None:
        headers, body = binary(signal)
        self.route(self._signature.signed(headers, body), body)

    def repeat(self, headers: Mapping[str, str], body: bytes) -> None:
        self.route(headers, body)

    def route(self, headers: Mapping[str, str], body: bytes) -> None:
        """Queue the event for every trigger that wants it."""
        given = {name.lower(): value for name, value in headers.items()}
        attributes = {k.removeprefix(_PREFIX): v for k, v in given.items() if k.startswith(_PREFIX)}
        for trigger in self._triggers:
            if trigger.wants(attributes):
                self._put(_Delivery(trigger.subscriber, given, body), 0.0)

    def close(self) -> None:
        """Finish the deliveries in progress and drop those that wait."""
        for line in self._lines.values():
            line.close()
        for thread in self._threads:
            thread.join()

    def _put(self, delivery: _Delivery, delay: float) -> None:
        self._lines[delivery.subscriber].put(delivery, delay)

    def _work(self, line: _Line) -> None:
        while (delivery := line.take()) is not None:
            try:
                self._deliver(delivery)
            except Exception:
                # If the thread ended, the function would get no more events.
                log.exception("a delivery to %s failed", delivery.subscriber)
                self._again(delivery)

    def _deliver(self, delivery: _Delivery) -> None:
        try:
            answer = self._targets[delivery.subscriber](delivery.headers, delivery.body)
        except OSError as fault:
            log.warning("%s cannot be reached: %s", delivery.subscriber, fault)
            self._again(delivery)
            return
        if answer.status >= 500 or answer.status in _RETRIED:
            self._again(delivery, answer)
        elif answer.status >= 400:
            self._bury(delivery, f"was refused with {answer.status}", answer)
        elif "ce-type" in {name.lower() for name in answer.headers}:
            self.route(answer.headers, answer.body)

    def _again(self, delivery: _Delivery, answer: Delivered | None = None) -> None:
        if delivery.tries + 1 >= self._attempts:
            self._bury(delivery, f"failed {self._attempts} times", answer)
        else:
            later = self._backoff * 2**delivery.tries
            self._put(delivery._replace(tries=delivery.tries + 1), later)

    def _bury(self, delivery: _Delivery, why: str, answer: Delivered | None) -> None:
        id_ = delivery.headers.get("ce-id")
        log.error("event %s for %s %s", id_, delivery.subscriber, why)
        if self._sink not in (None, delivery.subscriber):
            letter = _Delivery(self._sink, _addressed(delivery, answer), delivery.body)
            self._put(letter, 0.0)


def _addressed(delivery: _Delivery, answer: Delivered | None) -> dict[str, str]:
    """The headers of a dead letter."""
    headers = delivery.headers | {"ce-knativeerrordest": delivery.subscriber}
    if answer is not None:
        headers["ce-knativeerrorcode"] = str(answer.status)
        headers["ce-knativeerrordata"] = b64encode(answer.body[:_SHOWN]).decode()
    return headers


if TYPE_CHECKING:
    _: type[Publisher] = Broker
