"""The signals of one call, held back so that the last of them can be the call's answer.

A broker routes an event that comes as an answer like any other, so a step of the trial
loop that leads to one next step costs no request of its own.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from functions.telemetry.log import LOGGER
from tunelet.core.signal import Signal
from tunelet.errors import Conflict, Retry
from tunelet.ports import Publisher

_held: ContextVar[list[Signal] | None] = ContextVar("held", default=None)


class Broker(Publisher, Protocol):
    """Takes events as well as signals."""

    def repeat(self, headers: Mapping[str, str], body: bytes) -> None:
        """Take an event again, as the HTTP message that it once was.

        Raises `Retry` if it was not taken, or `Conflict` if nobody is there who could.
        """


class Nowhere:
    """Where there is no broker every signal is lost, and sweep does all the work."""

    def publish(self, signal: Signal) -> None:
        pass

    def repeat(self, headers: Mapping[str, str], body: bytes) -> None:
        raise Conflict("there is no broker here that could deliver it: set K_SINK")


class Outbox:
    """Publishes through `broker`, or holds back for the calls that ask for it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

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
        """The signals that this thread publishes meanwhile, without repetitions."""
        signals: list[Signal] = []
        token = _held.set(signals)
        try:
            yield signals
        finally:
            _held.reset(token)

    def send(self, signals: list[Signal]) -> None:
        """Publish what was held back. A signal that is lost costs time only."""
        for signal in signals:
            try:
                self._broker.publish(signal)
            except Retry as fault:
                where = {"namespace": signal.namespace, "experiment": signal.experiment}
                LOGGER.warning("signal %s is lost: %s", signal.topic, fault, extra=where)


if TYPE_CHECKING:
    _conforms: tuple[type[Broker], ...] = (Nowhere, Outbox)
