"""Wait for the end of a run that its collector has announced.

The collector announces that the training has ended, and then ends itself. The run ends a second or
two later. Where nothing watches runs, no event reports that.
"""

import logging
import threading
from collections.abc import Callable

from tunelet.core.run import Run
from tunelet.core.signal import ENDING, Signal
from tunelet.engine.loop import Loop
from tunelet.errors import Retry
from tunelet.log.journal_cache import Journals
from tunelet.ports import Publisher

log = logging.getLogger("tunelet.engine.ending")

LOOKS = 20
"""The most observations of one run. After them its end is left to the sweep."""
PAUSE = 0.5
"""Seconds before each observation."""


class Ending:
    """Announces ends and waits for them. Threads may share one."""

    def __init__(
        self,
        journals: Journals,
        loop: Loop,
        publisher: Publisher,
        sleep: Callable[[float], None],
    ) -> None:
        self._journals = journals
        self._loop = loop
        self._publisher = publisher
        self._sleep = sleep
        self._lock = threading.Lock()
        self._awaited = set[tuple[str, str, int]]()
        """The trials that a thread waits for."""

    def announce(self, run: Run) -> None:
        """Let another function wait for the run's end. If the signal is lost, a sweep sees it."""
        try:
            self._publisher.publish(Signal(ENDING, run.namespace, run.experiment, run.number))
        except Retry as fault:
            log.warning("the end of %s is left to the sweep: %s", run.name, fault)

    def wait(self, namespace: str, name: str, number: int) -> None:
        """Observe the trial's run until its end is recorded, for some seconds.

        Returns at once if another thread waits for it: a training may announce its end any number
        of times, and must not take the threads that others' events need.
        """
        awaited = (namespace, name, number)
        with self._lock:
            if awaited in self._awaited:
                return
            self._awaited.add(awaited)
        try:
            self._wait(namespace, name, number)
        finally:
            with self._lock:
                self._awaited.discard(awaited)

    def _wait(self, namespace: str, name: str, number: int) -> None:
        attempt = self._attempt(namespace, name, number)
        for _ in range(LOOKS):
            if attempt is None:
                return
            self._sleep(PAUSE)
            # In one process with a watch the end is known by now, without a request.
            if self._known(namespace, name, number) == attempt:
                self._loop.collect(namespace, name, number)
            if self._known(namespace, name, number) != attempt:
                return

    def _attempt(self, namespace: str, name: str, number: int) -> int | None:
        self._journals.of(namespace, name).peek()
        return self._known(namespace, name, number)

    def _known(self, namespace: str, name: str, number: int) -> int | None:
        """Return the number of the trial's active attempt; None if it has none."""
        experiment = self._journals.of(namespace, name).known()
        trial = experiment.trials.get(number) if experiment is not None else None
        return trial.attempt if trial is not None and trial.active else None
