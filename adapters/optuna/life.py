"""One life of a study: what the log says of it now, and commits to it.

A study that was deleted has ended its life; a later one of the same name is another.
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
    """Threads may share one. Its methods raise `KeyError` once the study is deleted."""

    def __init__(self, journal: Journal, number: int, uid: str) -> None:
        self.number = number
        self.path = f"{journal.path}trials/{uid}/"
        """The prefix of the keys of its trials' objects."""
        self._journal = journal
        self._uid = uid
        self._trials = Trials(number)
        self._lock = threading.RLock()
        """Of `_trials`. Held for no input or output but that of a segment."""

    def read(self) -> Experiment:
        """Read the state now."""
        try:
            experiment, _ = self._journal.moment()
        except NotFound:
            raise self._absent() from None
        return self._of_this_life(experiment)

    def known(self) -> Experiment:
        """Return a state that may be older. Only its spec is the same for ever."""
        known = self._journal.known()
        return known if known is not None and known.uid == self._uid else self.read()

    @contextmanager
    def held(self) -> Iterator[Trials]:
        """Hold the trials as this process knows them."""
        with self._lock:
            yield self._trials

    @contextmanager
    def now(self) -> Iterator[Trials]:
        """Read the log, and hold the trials as they are then."""
        self.read()
        with self._lock:
            self._follow()
            yield self._trials

    def commit(self, *what: commands.Command) -> Experiment:
        """Put the commands into the log; returns the state after them."""
        try:
            after = self._journal.commit(*what, uid=self._uid)
        except NotFound:
            raise self._absent() from None
        with self._lock:
            self._follow()
        return after

    def delete(self, epoch: int) -> None:
        """End it. `epoch` is the one after which a live marker announces the next."""
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
        """Raise `KeyError` if there is no such trial as far as this process knows."""
        if not 0 <= number < len(self._trials):
            raise KeyError(f"study {self.number} has no trial {number}")

    def _follow(self) -> None:
        """Take over the newest state that any thread has read: an older one may come later."""
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
