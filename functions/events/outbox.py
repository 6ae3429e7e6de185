"""Hold back the signals of one call, so that the last one can be the call's answer.

A broker routes an event in an answer like any other event, so a step of the trial loop with
one next step needs no extra request.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from adapters.events.signature import Signature
from functions.telemetry.log import LOGGER
from tunelet.core.signal import ENDING, Signal
from tunelet.errors import Conflict, Retry
from tunelet.ports import Publisher

_held: ContextVar[list[Signal] | None] = ContextVar("held", default=None)


class Broker(Publisher, Protocol):
    """A publisher that also takes events."""

    def repeat(self, headers: Mapping[str, str], body: bytes) -> None:
        """Publish an event again, from its HTTP message.

        Raises `Retry` if it was not accepted, or `Conflict` if there is no broker.
        """


class Nowhere:
    """The broker of a service without one: every signal is lost, and sweep does all the work."""

    def publish(self, signal: Signal) -> None:
        pass

    def repeat(self, headers: Mapping[str, str], body: bytes) -> None:
        raise Conflict("there is no broker here that could deliver it: set K_SINK")


class Watched:
    """The broker of a process that watches its runs: it sees their ends without announcements.

    A handler that awaits an end would keep a thread of the broker from other events.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def publish(self, signal: Signal) -> None:
        if signal.topic != ENDING:
            self._broker.publish(signal)

    def repeat(self, headers: Mapping[str, str], body: bytes) -> None:
        self._broker.repeat(headers, body)


class Outbox:
    """Publishes through `broker`, or holds signals back inside `held`.

    `signature` is the one that the broker's signals have.
    """

    def __init__(self, broker: Broker, signature: Signature | None = None) -> None:
        self._broker = broker
        self.signature = signature or Signature()

    def publish(self, signal: Signal) -> None:
        held = _held.get()
        if held is None:
            self._broker.publish(signal)
        elif signal not in held:
            held.append(signal)

    def repeat(self, headers: Mapping[str, str], body: bytes) -> None:
        self._broker.repeat(headers, body)

    @contextmanager
    def held(self) -> Iterator[list[Signal]]:
        """Collect the signals that this thread publishes in the block, without duplicates."""
        signals: list[Signal] = []
        token = _held.set(signals)
        try:
            yield signals
        finally:
            _held.reset(token)

    def send(self, signals: list[Signal]) -> None:
        """Publish signals that were held back. A lost signal costs only time."""
        for signal in signals:
            try:
                self._broker.publish(signal)
            except Retry as fault:
                where = {"namespace": signal.namespace, "experiment": signal.experiment}
                LOGGER.warning("signal %s is lost: %s", signal.topic, fault, extra=where)


if TYPE_CHECKING:
    _conforms: tuple[type[Broker], ...] = (Nowhere, Watched, Outbox)
