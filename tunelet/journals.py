"""The journals that this process has open, and all trials of an experiment in one view."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from heapq import merge
from typing import overload

from tunelet.experiment import Experiment
from tunelet.journal import Journal
from tunelet.ports import Store
from tunelet.trial import Trial

KEPT = 256


class Journals:
    """Opens journals, and keeps the ones used last with the state they have folded."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self.clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], Journal] = {}

    def of(self, namespace: str, name: str) -> Journal:
        key = (namespace, name)
        with self._lock:
            journal = self._open.pop(key, None)
            if journal is None:
                journal = Journal(self._store, namespace, name, clock=self.clock, sleep=self._sleep)
            self._open[key] = journal
            if len(self._open) > KEPT:
                del self._open[next(iter(self._open))]
        return journal

    def read(self, namespace: str, name: str) -> Experiment:
        return self.of(namespace, name).read()

    def trials(self, namespace: str, name: str, after: int = -1) -> Iterator[Trial]:
        """All trials by number from the one behind `after`, as of one moment."""
        experiment, left = self.of(namespace, name).history(after)
        here = sorted((t for t in experiment.trials.values() if t.number > after), key=_number)
        return merge(left, here, key=_number)

    def past(self, experiment: Experiment) -> "Past":
        """The trials that the experiment had, as of `experiment`, by number."""

        def read() -> Iterator[Trial]:
            now = self.trials(experiment.namespace, experiment.name)
            return (trial for trial in now if trial.number < experiment.next_number)

        return Past(read)


class Past(Sequence[Trial]):
    """Trials that are read when the first is asked for: not every algorithm looks back."""

    def __init__(self, read: Callable[[], Iterator[Trial]]) -> None:
        self._read = read

    @cached_property
    def _trials(self) -> tuple[Trial, ...]:
        return tuple(self._read())

    def __len__(self) -> int:
        return len(self._trials)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | Sequence[Trial]:
        return self._trials[index]


def _number(trial: Trial) -> int:
    return trial.number
