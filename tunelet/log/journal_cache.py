"""Keep the journals that this process uses, and read all trials of an experiment in one view."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from heapq import merge

from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.experiment import Experiment, unreadable
from tunelet.core.installation import ANY, Installation
from tunelet.core.trial import Trial
from tunelet.errors import NotFound
from tunelet.log.compaction import NONE_KNOWN, TrialReader
from tunelet.log.entry import Damaged
from tunelet.log.journal import Journal
from tunelet.log.rows import Row, row_of
from tunelet.log.segment_cache import Recent
from tunelet.log.trials import Memory, Past
from tunelet.ports import ProcessTurns, Store

KEPT = 256
"""The most journals that are kept."""

ROOM = 1 << 17
"""The most reports that are kept in the states of all journals, about 50 MiB."""


class Journals:
    """Opens journals, and keeps the most recently used ones with their folded state."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        recent: Recent | None = None,
        room: int = ROOM,
        by: Installation = ANY,
        turns: ProcessTurns | None = None,
    ) -> None:
        self._store = store
        self.clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._open = BoundedCache[tuple[str, str], Journal](count=KEPT, weight=room, least=1)
        self._new = BoundedCache[tuple[str, str], Journal](count=KEPT)
        """Those without a known experiment: names that anyone makes up push out none of others."""
        self._ended = Memory()
        self._recent = recent or Recent()
        self.by = by
        self._turns = turns

    def of(self, namespace: str, name: str) -> Journal:
        """Return the experiment's journal, whether or not the experiment exists."""
        key = (namespace, name)
        with self._lock:
            journal = self._open.take(key) or self._new.take(key)
            if journal is None:
                journal = Journal(
                    self._store,
                    namespace,
                    name,
                    clock=self.clock,
                    sleep=self._sleep,
                    recent=self._recent,
                    by=self.by,
                    turns=self._turns,
                )
            if journal.known() is None:
                self._new.put(key, journal)
            else:
                self._open.put(key, journal, _weight(journal))
        return journal

    def seen(self, namespace: str, name: str) -> int:
        """Return the newest entry that this process knows; 0 if it keeps no journal."""
        with self._lock:
            journal = self._open.get((namespace, name)) or self._new.get((namespace, name))
        return journal.seq if journal is not None else 0

    def read(self, namespace: str, name: str) -> Experiment:
        return self.of(namespace, name).read()

    def listed(self, namespace: str, name: str) -> Experiment | None:
        """Return the experiment for a list: in the state DAMAGED if its log is damaged, None if it
        is just being submitted or deleted."""
        try:
            return self.read(namespace, name)
        except NotFound:
            return None
        except Damaged as damage:
            return unreadable(namespace, name, str(damage))

    def trials(self, namespace: str, name: str, after: int = -1) -> Iterator[Trial]:
        """Yield all trials with numbers above `after`, in order, as of one moment."""
        return self.history(namespace, name, after)[1]

    def history(
        self, namespace: str, name: str, after: int = -1
    ) -> tuple[Experiment, Iterator[Trial]]:
        """Return the state now, and all its trials with numbers above `after`, in order."""
        experiment, trials = self.moment(namespace, name)
        return experiment, trials(after)

    def moment(self, namespace: str, name: str) -> tuple[Experiment, TrialReader]:
        """Return the state now, and a reader of all its trials as of the same moment.

        Raises `NotFound` if the experiment does not exist, as the methods below do.
        """
        experiment, left = self.of(namespace, name).moment()

        def trials(after: int, known: Mapping[int, Trial] = NONE_KNOWN) -> Iterator[Trial]:
            here = sorted((t for t in experiment.trials.values() if t.number > after), key=_number)
            return merge(left(after, known), here, key=_number)

        return experiment, trials

    def rows(self, namespace: str, name: str, after: int = -1) -> tuple[Experiment, Iterator[Row]]:
        """Like `history`, without the reports."""
        experiment, left = self.of(namespace, name).rows(after)
        here = sorted((t for t in experiment.trials.values() if t.number > after), key=_number)
        return experiment, merge(left, map(row_of, here), key=_number)

    def trial(self, namespace: str, name: str, number: int) -> Trial:
        """Return one trial with its note. Raises `NotFound` if there is none."""
        experiment, trials = self.history(namespace, name, number - 1)
        found = next(trials, None)
        if found is None or found.number != number:
            raise NotFound(f"experiment {name!r} has no trial {number}")
        return experiment.noted(found)

    def some(self, namespace: str, name: str, numbers: Collection[int]) -> list[Trial]:
        """Return the trials that have these numbers with their notes, in order."""
        experiment, found = self.of(namespace, name).some(numbers)
        return sorted(map(experiment.noted, found), key=_number)

    def of_life(self, experiment: Experiment, after: int = -1) -> Iterator[Trial]:
        """Like `trials`, for this life of the name. Raises `NotFound` if it was deleted since."""
        trials = self._of_life(experiment)
        return (trial for trial in trials(after) if trial.number < experiment.next_number)

    def past(self, experiment: Experiment) -> Past:
        """Return the trials that the experiment had as of `experiment`, by number."""

        def read() -> Sequence[Trial]:
            ended = self._ended.take(experiment.uid)
            rest = self._of_life(experiment)(ended.last, ended.others)
            trials = ended.complete(rest)
            self._ended.put(experiment.uid, ended)
            return trials[: experiment.next_number]

        return Past(read)

    def _of_life(self, experiment: Experiment) -> TrialReader:
        now, trials = self.moment(experiment.namespace, experiment.name)
        if now.uid != experiment.uid:
            raise NotFound("the experiment was deleted; another has its name")
        return trials


def _weight(journal: Journal) -> int:
    """Count the journal's reports as of now. Later ones count at its next use."""
    known = journal.known()
    trials = known.trials.values() if known is not None else ()
    return sum(len(trial.reports) for trial in trials)


def _number(trial: Trial | Row) -> int:
    return trial.number
