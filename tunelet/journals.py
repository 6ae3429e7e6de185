"""The journals that this process has open, and all trials of an experiment in one view."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from heapq import merge
from typing import overload

from tunelet.errors import NotFound, Reject, Retry
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
        return self.history(namespace, name, after)[1]

    def history(
        self, namespace: str, name: str, after: int = -1
    ) -> tuple[Experiment, Iterator[Trial]]:
        """The state now, and the same moment's trials by number from the one behind `after`."""
        experiment, trials = self.moment(namespace, name)
        return experiment, trials(after)

    def moment(
        self, namespace: str, name: str
    ) -> tuple[Experiment, Callable[[int], Iterator[Trial]]]:
        """As `history`, with trials that can be read more than once, from behind any number."""
        experiment, left = self.of(namespace, name).moment()

        def trials(after: int) -> Iterator[Trial]:
            here = sorted((t for t in experiment.trials.values() if t.number > after), key=_number)
            return merge(left(after), here, key=_number)

        return experiment, trials

    def of_life(self, experiment: Experiment, after: int = -1) -> Iterator[Trial]:
        """As `trials`, of this life of the name: raises `NotFound` if another has it by now."""
        now, trials = self.history(experiment.namespace, experiment.name, after)
        if now.uid != experiment.uid:
            raise NotFound("the experiment was deleted; another has its name")
        return (trial for trial in trials if trial.number < experiment.next_number)

    def past(self, experiment: Experiment) -> "Past":
        """The trials that the experiment had, as of `experiment`, by number."""
        return Past(lambda: self.of_life(experiment))


class Past(Sequence[Trial]):
    """Trials that are read when the first is asked for: not every algorithm looks back.

    Raises `Retry` if they cannot be read now, whatever the reason: it is not the algorithm's.
    """

    def __init__(self, read: Callable[[], Iterator[Trial]]) -> None:
        self._read = read

    @cached_property
    def _trials(self) -> tuple[Trial, ...]:
        try:
            return tuple(self._read())
        except Reject as refusal:
            raise Retry(f"the past cannot be read: {refusal}") from refusal

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
