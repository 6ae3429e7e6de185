"""One experiment's log over a `Store`, as seen by one process.

    read    fold the newest snapshot and the entries after it
    commit  decide, and create the next entry only if it is absent (tunelet.log.committer)

Snapshots and segments are derived from the log (tunelet.log.compaction): losing one costs only
time.
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.installation import ANY, Installation
from tunelet.core.study_view import Since
from tunelet.core.trial import Trial
from tunelet.errors import NO_EXPERIMENT, NotFound
from tunelet.log.committer import Committer
from tunelet.log.compaction import Head, TrialReader
from tunelet.log.purge import PURGE_AFTER, lives_with_files, remains, remove
from tunelet.log.reader import mark_purged
from tunelet.log.rows import Row
from tunelet.log.segment_cache import Recent
from tunelet.log.shared_turn import Turns
from tunelet.log.tail import Tail
from tunelet.log.touched import changed
from tunelet.ports import ProcessTurns, Store


class Newest(NamedTuple):
    """The state of an existing experiment, with the number and the checksum of its newest entry."""

    experiment: Experiment
    seq: int
    sum: str


class Journal:
    """The log of one experiment. Threads may share one.

    `deadline` is the number of seconds for which a commit tries to learn its outcome; `recent` is
    the segment cache that the journals of this process share; `by` is the process's installation.
    """

    def __init__(
        self,
        store: Store,
        namespace: str,
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        deadline: float = 20.0,
        recent: Recent | None = None,
        by: Installation = ANY,
        turns: ProcessTurns | None = None,
    ) -> None:
        self.path = f"v1/{namespace}/{name}/"
        self._store = store
        self._clock = clock
        self._tail = Tail(store, self.path, clock, recent or Recent())
        self._turns = Turns()
        self._committer = Committer(
            store,
            self.path,
            self._tail,
            self._turns,
            clock=clock,
            sleep=sleep,
            deadline=deadline,
            by=by,
            process_turns=turns,
        )

    def known(self) -> Experiment | None:
        """Return the state that this process read last, without a read; None if it never did."""
        head = self._tail.head
        return head.experiment if head is not None else None

    def led(self) -> Experiment | None:
        """Return the newest known state, without a read, if no other process seems to write."""
        head = self._tail.head
        return head.experiment if head is not None and self._committer.leads_alone(head) else None

    @property
    def leads_many(self) -> bool:
        """Whether this process wrote the newest known entry, and others wait to write theirs."""
        return self._committer.leads_many

    def turn(self) -> AbstractContextManager[None]:
        """Wait briefly for this process's turn, before a step that reads and then commits."""
        return self._committer.turn()

    @property
    def seq(self) -> int:
        """Return the number of the newest entry that this process has seen."""
        head = self._tail.head
        return head.seq if head is not None else 0

    def peek(self) -> Experiment | None:
        """Read the state now, also of a deleted experiment; None if there never was one."""
        return self._now().experiment

    def read(self) -> Experiment:
        """Read the state now. Raises `NotFound` if the experiment does not exist."""
        return _existing(self.peek())

    def newest(self) -> Newest:
        """Return the state now, with its newest entry. Raises `NotFound`."""
        head = self._now()
        return Newest(_existing(head.experiment), head.seq, head.sum)

    def history(self, after: int = -1) -> tuple[Experiment, Iterator[Trial]]:
        """Return the state now, and the trials above number `after` that have left it."""
        experiment, left = self.moment()
        return experiment, left(after)

    def moment(self) -> tuple[Experiment, TrialReader]:
        """Return the state now, and a reader of the trials that have left it. Raises `NotFound`."""
        head = self._now()
        left = partial(self._tail.segments.trials, head.segments)
        return _existing(head.experiment), left

    def changes(
        self, since: Since, uid: str, now: bool = True
    ) -> tuple[Experiment, int, Iterator[Trial]]:
        """Return the state of a study now, its entry, and the trials that changed since another.

        Not `now`: the state that this process read or wrote last. Raises `NotFound` if this life of
        the experiment's name does not exist.
        """
        head = (None if now else self._tail.head) or self._now()
        experiment = _existing(head.experiment)
        if experiment.uid != uid:
            raise NotFound("the experiment was deleted; another has its name")
        left = partial(self._tail.segments.trials, head.segments)
        numbers = self._tail.touched.since(since.seq, head.seq)
        return experiment, head.seq, changed(head, left, numbers, since.lowest)

    def rows(self, after: int) -> tuple[Experiment, Iterator[Row]]:
        """Like `history`, without the reports."""
        head = self._now()
        experiment = _existing(head.experiment)
        return experiment, self._tail.segments.rows(head.segments, after)

    def some(self, numbers: Collection[int]) -> tuple[Experiment, list[Trial]]:
        """Return the state now, and the trials that have these numbers, in no order."""
        head = self._now()
        experiment = _existing(head.experiment)
        here = [experiment.trials[n] for n in numbers if n in experiment.trials]
        left = {n for n in numbers if n < experiment.next_number and n not in experiment.trials}
        return experiment, [*here, *self._tail.segments.some(head.segments, left)]

    def at_hand(self) -> tuple[Experiment, TrialReader]:
        """Like `moment`, of the state that this process read or wrote last. Raises `NotFound`."""
        head = self._tail.head
        if head is None:
            return self.moment()
        return _existing(head.experiment), partial(self._tail.segments.trials, head.segments)

    def commit(self, *commands: Command, uid: str | None = None) -> Experiment:
        """Put the commands into the log, in one entry, and return the state after it.

        With `uid` they apply only to that life of the experiment's name.
        Raises what `decide` raises, and then none of the commands is recorded; `CommitUnknown` if
        the deadline passed before the outcome was known; `Damaged` if the log is damaged.
        """
        return self._committer.commit(commands, uid)

    def purge(self) -> bool:
        """Remove the objects of deleted lives, except for the newest tombstone.

        The tombstone stays: a later experiment of the same name continues after it, so that a
        writer that was stalled meanwhile can do no harm. Returns False if it is too early, or
        if more is left than one call has time to remove.
        """
        lives = set(lives_with_files(self._store, self.path))
        head = self._now()
        if head.tombstone is None:
            return True
        if self._clock() < head.tombstone.at + PURGE_AFTER:
            return False
        if head.experiment is not None and head.experiment.state is not ExperimentState.DELETED:
            lives.discard(head.experiment.uid)
        mark_purged(self._store, self.path, head.tombstone.seq)
        return remove(self._store, remains(self._store, self.path, head.tombstone.seq, lives))

    def _now(self) -> Head:
        """Return the log's end as of this call or later. Waiting threads share one read."""
        asked = self._tail.now()
        head: Head | None = None
        while head is None:
            with self._turns.unless(lambda: self._tail.seen_since(asked)) as mine:
                if mine:
                    self._tail.advance()
                    self._tail.settle()
                head = self._tail.head
        return head


def _existing(experiment: Experiment | None) -> Experiment:
    if experiment is None or experiment.state is ExperimentState.DELETED:
        raise NotFound(NO_EXPERIMENT)
    return experiment
