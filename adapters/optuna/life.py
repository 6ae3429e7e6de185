"""One life of a study, as this process knows it, and the changes to it.

Deleting a study ends its life. A later study of the same name is another life.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from optuna.exceptions import UpdateFinishedTrialError

from adapters.optuna.logs import StudyLog
from adapters.optuna.trials import Trials
from tunelet.core.problem import Objective
from tunelet.core.study import Command
from tunelet.core.study_view import Changed, View
from tunelet.core.trial import Trial
from tunelet.errors import NotFound
from tunelet.log.shared_turn import Turns


class Life:
    """One life of a study. Thread-safe. Methods raise `KeyError` once the study is deleted."""

    def __init__(self, log: StudyLog, number: int) -> None:
        self.number = number
        self._log = log
        self._trials = Trials(number)
        self._view: View | None = None
        self._lock = threading.RLock()
        """Protects what is above. No input while it is held."""
        self._turns = Turns()
        self._read_at = -1.0
        """When the newest complete reading began."""

    def read(self) -> View:
        """Read the study now. Waiting threads share one reading."""
        asked = time.monotonic()
        with self._turns.unless(lambda: self._read_at >= asked) as mine:
            if mine:
                self._read()
        return self._known()

    def objectives(self) -> Sequence[Objective]:
        """Return the objectives, which never change."""
        return (self._view or self.read()).objectives

    @contextmanager
    def held(self) -> Iterator[Trials]:
        """Yield the trials as this process knows them, with the lock held."""
        with self._lock:
            yield self._trials

    @contextmanager
    def now(self) -> Iterator[Trials]:
        """Read the log, and yield the trials as of now, with the lock held."""
        self.read()
        with self._lock:
            yield self._trials

    def commit(self, *changes: Command) -> Sequence[Trial]:
        """Commit the commands, and return their trials as they are afterwards."""
        with self._lock:
            since = self._trials.since
        try:
            done = self._log.commit(changes, since)
        except NotFound:
            raise self._absent() from None
        if done.more:
            self.read()
        else:
            self._adopt(done.changed)
        return done.named

    def unfinished(self, number: int) -> Trial:
        """Read a trial now. Raises `UpdateFinishedTrialError` if it has ended."""
        with self.now() as trials:
            self.refuse_unknown(number)
            trial = trials.unfinished(number)
        if trial is None:
            raise finished(number)
        return trial

    def refuse_unknown(self, number: int) -> None:
        """Raise `KeyError` if this process knows no trial of this number."""
        if not 0 <= number < len(self._trials):
            raise KeyError(f"study {self.number} has no trial {number}")

    def _read(self) -> None:
        began = time.monotonic()
        with self._lock:
            since = self._trials.since
        try:
            self._adopt(self._log.read(since))
        except NotFound:
            raise self._absent() from None
        self._read_at = began

    def _adopt(self, changed: Changed) -> None:
        """Adopt the newest state that any thread has read. An older one may arrive later."""
        with self._lock:
            if self._trials.follow(changed):
                self._view = changed.study

    def _known(self) -> View:
        assert self._view is not None
        return self._view

    def _absent(self) -> KeyError:
        return KeyError(f"there is no study {self.number}")


def finished(number: int) -> UpdateFinishedTrialError:
    return UpdateFinishedTrialError(f"Trial#{number} has already finished and can not be updated.")
