"""One life of a study: its state in the log, and the changes to it.

Deleting a study ends its life. A later study of the same name is another life.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import UpdateFinishedTrialError

from adapters.optuna.trials import Trials
from tunelet.core import commands
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Trial
from tunelet.errors import NotFound
from tunelet.log.journal import Journal


class Life:
    """One life of a study. Thread-safe. Methods raise `KeyError` once the study is deleted."""

    def __init__(self, journal: Journal, number: int, uid: str) -> None:
        self.number = number
        self.path = f"{journal.path}trials/{uid}/"
        """The prefix of the keys of the trials' objects."""
        self._journal = journal
        self._uid = uid
        self._trials = Trials(number)
        self._lock = threading.RLock()
        """Protects `_trials`. While it is held, the only input is the reading of segments."""

    def read(self) -> Experiment:
        """Read the state now."""
        try:
            experiment, _ = self._journal.moment()
        except NotFound:
            raise self._absent() from None
        return self._of_this_life(experiment)

    def known(self) -> Experiment:
        """Return a state that may be old. Only its spec never changes."""
        known = self._journal.known()
        return known if known is not None and known.uid == self._uid else self.read()

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
            self._follow()
            yield self._trials

    def commit(self, *what: commands.Command) -> Experiment:
        """Commit the commands, and return the state after them."""
        try:
            after = self._journal.commit(*what, uid=self._uid)
        except NotFound:
            raise self._absent() from None
        with self._lock:
            self._follow()
        return after

    def delete(self, epoch: int) -> None:
        """Delete the study. A live marker announces the next life, after `epoch`."""
        try:
            self._journal.commit(commands.Delete(epoch), uid=self._uid)
        except NotFound:
            raise self._absent() from None

    def unfinished(self, number: int) -> Trial:
        """Read a trial now. Raises `UpdateFinishedTrialError` if it has ended."""
        with self.now() as trials:
            self.refuse_unknown(number)
            trial = trials.unfinished(number)
        if trial is None:
            raise finished(number)
        return trial

    def ended(self, number: int) -> Trial:
        """Read a trial that has left the experiment's state."""
        _, left = self._journal.at_hand()
        return next(left(number - 1))

    def refuse_unknown(self, number: int) -> None:
        """Raise `KeyError` if this process knows no trial of this number."""
        if not 0 <= number < len(self._trials):
            raise KeyError(f"study {self.number} has no trial {number}")

    def _follow(self) -> None:
        """Adopt the newest state that any thread has read. An older one may arrive later."""
        try:
            experiment, left = self._journal.at_hand()
        except NotFound:
            raise self._absent() from None
        self._trials.follow(self._of_this_life(experiment), left)

    def _of_this_life(self, experiment: Experiment) -> Experiment:
        if experiment.uid != self._uid:
            raise self._absent()
        return experiment

    def _absent(self) -> KeyError:
        return KeyError(f"there is no study {self.number}")


def finished(number: int) -> UpdateFinishedTrialError:
    return UpdateFinishedTrialError(f"Trial#{number} has already finished and can not be updated.")
