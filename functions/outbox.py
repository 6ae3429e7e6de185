"""The signals of one call, held back so that the last of them can be the call's answer.

A broker routes an event that comes as an answer like any other, so a step of the trial
loop that leads to one next step costs no request of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from functions.log import LOGGER
from tunelet.errors import Retry
from tunelet.ports import Publisher, Signal

_held: ContextVar[list[Signal] | None] = ContextVar("held", default=None)


class Nowhere:
    """Where there is no broker every signal is lost, and sweep does all the work."""

    def publish(self, signal: Signal) -> None:
        pass


class Outbox:
    """Publishes through `publisher`, or holds back for the calls that ask for it."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def publish(self, signal: Signal) -> None:
        held = _held.get()
        if held is None:
            self._publisher.publish(signal)
        elif signal not in held:
            held.append(signal)

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
                self._publisher.publish(signal)
            except Retry as fault:
                where = {"namespace": signal.namespace, "experiment": signal.experiment}
                LOGGER.warning("signal %s is lost: %s", signal.topic, fault, extra=where)


if TYPE_CHECKING:
    _conforms: tuple[type[Publisher], ...] = (Nowhere, Outbox)
