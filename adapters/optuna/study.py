"""One study: its trials as Optuna sees them, and what this process changes.

A call that creates, takes or ends a trial returns once that is in the log. Changes of a trial of
this process (hyperparameters, attributes, reports) are written soon afterwards, many at once, and
with the trial's end at the latest. So a process that dies loses the last changes of the trials that
it leaves unfinished, and nothing else. Changes of any other trial are in the log when the call
returns.
"""

import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as State

from adapters.optuna import attributes, forms
from adapters.optuna.caller import Caller
from adapters.optuna.frozen import contents, final, report
from adapters.optuna.pending import Pending
from adapters.optuna.trials import Trials
from tunelet.core import commands
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Trial, TrialState
from tunelet.errors import NotFound
from tunelet.log.journal import Journal


class Study:
    """Threads may share one.

    Every method raises `KeyError` if the study was deleted, or if it has no trial of the number;
    `UpdateFinishedTrialError` if a trial that is to be changed has ended.
    """

    def __init__(
        self,
        journal: Journal,
        number: int,
        uid: str,
        caller: Caller,
        soon: Callable[["Study"], None],
    ) -> None:
        """`soon` arranges a call of `flush`."""
        self.number = number
        self.uid = uid
        self.beats = f"{journal.path}trials/{uid}/heartbeats/"
        """The prefix of the keys of heartbeats."""
        self._journal = journal
        self._caller = caller
        self._soon = soon
        self._trials = Trials(number)
        self._lock = threading.RLock()
        """Of `_trials`. Held for no input or output but that of a segment."""
        self._flushing = threading.Lock()

    def experiment(self) -> Experiment:
        """Read the state now."""
        try:
            experiment, _ = self._journal.moment()
        except NotFound:
            raise self._absent() from None
        return self._of_this_life(experiment)

    def trial(self, number: int) -> FrozenTrial:
        with self._lock:
            if number < len(self._trials) and self._trials.unfinished(number) is None:
                return self._trials.get(number)
        with self._looked():
            self._refuse_unknown(number)
            return self._trials.get(number)

    def trials(self, states: Container[State] | None) -> list[FrozenTrial]:
        with self._looked():
            return self._trials.all(states)

    def count(self) -> int:
        with self._looked():
            return len(self._trials)

    def running(self) -> list[Trial]:
        with self._looked():
            return self._trials.running()

    def create(self, template: FrozenTrial | None, watched: bool) -> int:
        """Create a trial that runs, or one like the template; returns its number.

        `watched`, here and below: this process sends heartbeats for it.
        """
        objectives = self._known().terms.objectives
        more = {} if template is None else contents(template, objectives)
        key = self._caller.once(watched)
        after = self._commit(commands.CreateTrial(key=key, by=key, **more))
        return after.keys[key][0]

    def set_param(
        self, number: int, name: str, internal: float, distribution: BaseDistribution
    ) -> None:
        value = forms.stored(distribution.to_external_repr(internal))
        with self._changing(number) as pending:
            self._trials.check(name, distribution)
            pending.space[name] = forms.form(distribution)
            pending.hyperparameters[name] = value

    def report(self, number: int, step: int, value: float) -> None:
        made = report(step, value, self._known().terms.objectives)
        with self._changing(number) as pending:
            pending.reports[made.step] = made

    def set_attribute(self, number: int, name: str, value: Any, system: bool) -> None:
        stored = attributes.stored(value)
        with self._changing(number) as pending:
            (pending.system if system else pending.attributes)[name] = stored

    def take(self, number: int, watched: bool) -> bool:
        """Take the trial if it waits; False if another has it."""
        trial = self.unfinished(number)
        if trial.state is TrialState.RUNNING:
            return False
        by = self._caller.once(watched)
        after = self._commit(commands.TakeTrial(number, by)).trials.get(number)
        if after is None or after.state.finished:
            raise _finished(number)
        return after.by == by

    def end(self, number: int, state: State, values: Sequence[float] | None) -> None:
        """End the trial, with all its changes. Raises also if another caller ended it first."""
        if not self._has(number):
            self.unfinished(number)
        with self._lock:
            pending = self._trials.pending.get(number, Pending())
            changes = pending.all()
        objectives = self._known().terms.objectives
        by = self._caller.once()
        command = commands.EndTrial(
            number, by, TrialState[state.name], changes, final(values, objectives)
        )
        ended = self._commit(command).trials.get(number) or self._ended(number)
        with self._lock:
            self._trials.pending.pop(number, None)
        if ended.by != by:
            raise _finished(number)

    def set_attributes(self, user: dict[str, Any], system: dict[str, Any]) -> None:
        self._commit(commands.SetAttributes(user, system))

    def delete(self, epoch: int) -> None:
        """Delete the study. `epoch` is the one after which a live marker announces the next."""
        try:
            self._journal.commit(commands.Delete(epoch), uid=self.uid)
        except NotFound:
            raise self._absent() from None

    def flush(self) -> None:
        """Write all changes. Raises what a commit raises, and keeps the changes in this case."""
        with self._flushing:
            with self._lock:
                sent = self._sent()
            if not sent:
                return
            how = Pending.unwritten
            try:
                self._commit(*sent)
                how = Pending.written
            except KeyError:
                how = Pending.written  # the study was deleted: nothing is left to write
                raise
            finally:
                self._settle(sent, how)

    def _sent(self) -> list[commands.ChangeTrial]:
        """Return the new changes of all trials. Revisions increase in the order of the commits."""
        found = ((n, pending.send()) for n, pending in self._trials.pending.items())
        return [
            commands.ChangeTrial(n, self._caller.token, self._caller.revision(), changes)
            for n, changes in found
            if changes is not None
        ]

    def _settle(self, sent: list[commands.ChangeTrial], how: Callable[[Pending], None]) -> None:
        with self._lock:
            for each in sent:
                pending = self._trials.pending.get(each.number)
                if pending is None:
                    continue  # the trial has ended meanwhile, with these changes
                how(pending)
                if not pending:
                    del self._trials.pending[each.number]

    @contextmanager
    def _changing(self, number: int) -> Iterator[Pending]:
        """Add to the changes of an unfinished trial, and see to it that they are written."""
        own = self._has(number)
        if not own:
            self.unfinished(number)
        with self._lock:
            if self._trials.unfinished(number) is None:
                raise _finished(number)
            yield self._trials.pending.setdefault(number, Pending())
            self._trials.changed(number)
        if own:
            self._soon(self)
            return
        self.flush()
        self.unfinished(number)

    def _has(self, number: int) -> bool:
        """Whether the trial is of this process and has not ended, as far as this process knows."""
        with self._lock:
            trial = self._trials.unfinished(number)
        return trial is not None and self._caller.has(trial)

    def unfinished(self, number: int) -> Trial:
        """Read the trial now, which must not have ended."""
        with self._looked():
            self._refuse_unknown(number)
            trial = self._trials.unfinished(number)
        if trial is None:
            raise _finished(number)
        return trial

    def _ended(self, number: int) -> Trial:
        """Read a trial that has left the experiment's state."""
        _, left = self._journal.at_hand()
        return next(left(number - 1))

    @contextmanager
    def _looked(self) -> Iterator[None]:
        """Read the log, and hold the trials as they are then."""
        self.experiment()
        with self._lock:
            self._follow()
            yield

    def _follow(self) -> None:
        """Take over the newest state that any thread has read: an older one may come later."""
        try:
            experiment, left = self._journal.at_hand()
        except NotFound:
            raise self._absent() from None
        self._trials.follow(self._of_this_life(experiment), left)

    def _known(self) -> Experiment:
        """Return a state of this life, which may be older. Only its spec is the same for ever."""
        known = self._journal.known()
        return known if known is not None and known.uid == self.uid else self.experiment()

    def _commit(self, *what: commands.Command) -> Experiment:
        try:
            after = self._journal.commit(*what, uid=self.uid)
        except NotFound:
            raise self._absent() from None
        with self._lock:
            self._follow()
        return after

    def _of_this_life(self, experiment: Experiment) -> Experiment:
        if experiment.uid != self.uid:
            raise self._absent()
        return experiment

    def _absent(self) -> KeyError:
        return KeyError(f"there is no study {self.number}")

    def _refuse_unknown(self, number: int) -> None:
        if not 0 <= number < len(self._trials):
            raise KeyError(f"study {self.number} has no trial {number}")


def _finished(number: int) -> UpdateFinishedTrialError:
    return UpdateFinishedTrialError(f"Trial#{number} has already finished and can not be updated.")
