"""A search inside a command or a call: each signal is a step in a thread of this process.

Without a broker and HTTP between the steps, a trial costs a fraction of their time. As with every
broker, signals are only in memory: what is lost with the process is found by the next sweep.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from functions.composition import composed
from functions.hosting.renewal import renewed
from functions.settings import Settings
from functions.telemetry.log import LOGGER
from tunelet.core.installation import Installation
from tunelet.core.signal import COLLECT, LAUNCH, SUGGEST, Signal
from tunelet.errors import NotFound, Retry
from tunelet.ports import Store, WatchableLauncher
from tunelet.service import Service

_TRIES = 6
_BEGUN_SECONDS = 0.05
"""After a launch, the state of what still runs is recorded within this time."""
_FIRST_PAUSE = 0.2
"""Seconds before the first repetition of a step; each further one waits twice as long."""


@contextmanager
def searching(
    settings: Settings,
    store: Store,
    launcher: WatchableLauncher,
    installation: Installation,
    dead: Callable[[str], bool] = lambda _: False,
    *,
    tries_store: bool = False,
) -> Iterator[Service]:
    """Run all background work as long as the context lasts. See `all_in_one.whole`.

    With `tries_store` the store is tried first. A submit tries it otherwise, and only once.
    """
    steps = Steps()
    service = composed(settings, store, launcher, steps, installation, dead)
    if tries_store:
        service.try_store("")
    with ExitStack() as stack:
        stack.enter_context(steps.taken_by(service))
        stack.callback(
            launcher.watch(
                lambda *whose: steps.take(Signal(COLLECT, *whose)),
                lambda namespace, experiment: steps.take(Signal(LAUNCH, namespace, experiment)),
            )
        )
        stack.enter_context(renewed(service.leases))
        yield service


class Steps:
    """Publishes signals to the service in this process.

    One thread for each kind of step, so that a slow algorithm delays no launch.
    """

    def __init__(self) -> None:
        self._lines = {topic: _Line() for topic in (SUGGEST, LAUNCH, COLLECT)}

    def publish(self, signal: Signal) -> None:
        # The service itself publishes COLLECT after launches. Most calls have ended by then.
        due = time.monotonic() + _BEGUN_SECONDS if signal.topic == COLLECT else 0.0
        self.take(signal, due)

    def take(self, signal: Signal, due: float = 0.0) -> None:
        """Take the signal's step at the time `due` (`time.monotonic`) or soon after."""
        if signal.topic in self._lines:
            self._lines[signal.topic].put(signal, due)

    @contextmanager
    def taken_by(self, service: Service) -> Iterator[None]:
        """Take the steps of `service` until the block's end; those that still wait are dropped."""
        step = {SUGGEST: service.suggest, LAUNCH: service.launch, COLLECT: service.collect}
        threads = [
            threading.Thread(target=line.work, args=(step[topic],), name=topic, daemon=True)
            for topic, line in self._lines.items()
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for line in self._lines.values():
                line.close()
            for thread in threads:
                thread.join()


class _Line:
    """The signals of one topic that wait for their step, each at most once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: OrderedDict[Signal, tuple[float, int]] = OrderedDict()
        """When the step is due, and how often it was tried."""
        self._open = True

    def put(self, signal: Signal, due: float = 0.0, tries: int = 0) -> None:
        with self._changed:
            known = self._waiting.get(signal)
            if known is None or due < known[0]:
                self._waiting[signal] = due, tries
                self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify()

    def work(self, step: Callable[..., object]) -> None:
        while (taken := self._take()) is not None:
            signal, tries = taken
            try:
                self._take_step(step, signal)
            except Retry as fault:
                self._again(signal, tries + 1, fault)
            except Exception:  # noqa: BLE001 (a thread that ends would end the search)
                LOGGER.exception("the step %s of %s failed", signal.topic, signal.experiment)

    def _take_step(self, step: Callable[..., object], signal: Signal) -> None:
        whose: tuple[str | int, ...] = (signal.namespace, signal.experiment)
        if signal.topic in (COLLECT, LAUNCH) and signal.number is not None:
            whose = (*whose, signal.number)
        try:
            step(*whose)
        except NotFound:
            LOGGER.info("%s/%s is not there any more", signal.namespace, signal.experiment)

    def _again(self, signal: Signal, tries: int, fault: Retry) -> None:
        if tries >= _TRIES:
            LOGGER.error("the step %s waits for the next sweep: %s", signal.topic, fault)
            return
        pause = fault.after or _FIRST_PAUSE * 2.0 ** (tries - 1)
        self.put(signal, time.monotonic() + pause, tries)

    def _take(self) -> tuple[Signal, int] | None:
        """Wait for a signal that is due; None once the line is closed."""
        with self._changed:
            while self._open:
                now, wait = time.monotonic(), None
                for signal, (due, tries) in self._waiting.items():
                    if due <= now:
                        del self._waiting[signal]
                        return signal, tries
                    wait = due - now if wait is None else min(wait, due - now)
                self._changed.wait(wait)
        return None
