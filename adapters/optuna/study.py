"""One study, as one process sees and changes it.

A call that creates, claims or ends a trial returns once that is in the log. Changes of a trial of
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
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as State

from adapters.optuna import attributes, forms
from adapters.optuna.caller import Caller
from adapters.optuna.frozen import contents, final, report
from adapters.optuna.life import Life, finished
from adapters.optuna.logs import Heard
from adapters.optuna.pending import Pending
from adapters.optuna.trials import Trials
from tunelet.core import commands
from tunelet.core.study_view import View
from tunelet.core.trial import Trial, TrialState
from tunelet.text.limits import STEPS
from tunelet.text.surrogates import refuse_half_pairs


class Study:
    """A study. Thread-safe.

    Every method raises `KeyError` if the study was deleted, or if it has no trial of the number;
    `UpdateFinishedTrialError` if a trial that is to be changed has ended.
    """

    def __init__(
        self, life: Life, beats: Heard, caller: Caller, soon: Callable[["Study"], None]
    ) -> None:
        """`soon` arranges a call of `flush`."""
        self.beats = beats
        self._life = life
        self._caller = caller
        self._soon = soon
        self._flushing = threading.Lock()

    def view(self) -> View:
        """Read the study now."""
        return self._life.read()

    def trial(self, number: int) -> FrozenTrial:
        with self._life.held() as trials:
            if number < len(trials) and trials.unfinished(number) is None:
                return trials.get(number)
        with self._life.now() as trials:
            self._life.refuse_unknown(number)
            return trials.get(number)

    def trials(self, states: Container[State] | None) -> list[FrozenTrial]:
        with self._life.now() as trials:
            return trials.all(states)

    def count(self) -> int:
        with self._life.now() as trials:
            return len(trials)

    def running(self) -> list[Trial]:
        with self._life.now() as trials:
            return trials.running()

    def refuse_ended(self, number: int) -> None:
        """Raise if the trial has ended."""
        self._life.unfinished(number)

    def create(self, template: FrozenTrial | None, watched: bool) -> int:
        """Create a trial that runs, or one like the template; returns its number.

        `watched`, here and below: this process sends heartbeats for it.
        """
        objectives = self._life.objectives()
        more = {} if template is None else contents(template, objectives)
        key = self._caller.once(watched)
        (made,) = self._life.commit(commands.CreateTrial(key=key, by=key, **more))
        return made.number

    def set_param(
        self, number: int, name: str, internal: float, distribution: BaseDistribution
    ) -> None:
        refuse_half_pairs(name)
        value = forms.stored(distribution.to_external_repr(internal))
        with self._changing(number) as pending:
            self._check(name, distribution)
            pending.space[name] = forms.form(distribution)
            pending.hyperparameters[name] = value

    def report(self, number: int, step: int, value: float) -> None:
        made = report(step, value, self._life.objectives())
        with self._changing(number) as pending:
            self._refuse_more(number, made.step, pending)
            pending.reports[made.step] = made

    def _refuse_more(self, number: int, step: int, pending: Pending) -> None:
        """Raise `ValueError` if the trial would have reports at more steps than a trial may."""
        with self._life.held() as trials:
            trial = trials.unfinished(number)
        known = () if trial is None else trial.reports
        if len(known) + pending.reported < STEPS:
            return
        steps = {each.step for each in (*known, *pending.all().reports)}
        if step not in steps and len(steps) >= STEPS:
            raise ValueError(
                f"step {step}: trial {number} has reports at {STEPS} steps; report at fewer steps"
            )

    def set_attribute(self, number: int, name: str, value: Any, system: bool) -> None:
        refuse_half_pairs(name)
        stored = attributes.stored(value)
        with self._changing(number) as pending:
            (pending.system if system else pending.attributes)[name] = stored

    def take(self, number: int, watched: bool) -> bool:
        """Claim the trial if it is waiting; False if another caller has it."""
        trial = self._life.unfinished(number)
        if trial.state is TrialState.RUNNING:
            return False
        by = self._caller.once(watched)
        (after,) = self._life.commit(commands.TakeTrial(number, by))
        if after.state.finished:
            raise finished(number)
        return after.by == by

    def end(self, number: int, state: State, values: Sequence[float] | None) -> None:
        """End the trial, with all its changes. Also raises if another caller ended it first."""
        if not self._has(number):
            self._life.unfinished(number)
        with self._life.held() as trials:
            pending = trials.pending.get(number, Pending())
            changes = pending.all()
        objectives = self._life.objectives()
        by = self._caller.once()
        command = commands.EndTrial(
            number, by, TrialState[state.name], changes, final(values, objectives)
        )
        (ended,) = self._life.commit(command)
        with self._life.held() as trials:
            trials.pending.pop(number, None)
        if ended.by != by:
            raise finished(number)

    def set_attributes(self, user: dict[str, Any], system: dict[str, Any]) -> None:
        self._life.commit(commands.SetAttributes(user, system))

    def flush(self) -> None:
        """Write all changes. Raises the same errors as a commit, and then keeps the changes."""
        with self._flushing:
            with self._life.held() as trials:
                sent = self._sent(trials)
            if not sent:
                return
            how = Pending.unwritten
            try:
                self._life.commit(*sent)
                how = Pending.written
            except KeyError:
                how = Pending.written  # the study was deleted: nothing is left to write
                raise
            finally:
                self._settle(sent, how)

    def _sent(self, trials: Trials) -> list[commands.ChangeTrial]:
        """Return the new changes of all trials. Revisions increase in the order of commits."""
        found = ((n, pending.send()) for n, pending in trials.pending.items())
        return [
            commands.ChangeTrial(n, self._caller.token, self._caller.revision(), changes)
            for n, changes in found
            if changes is not None
        ]

    def _settle(self, sent: list[commands.ChangeTrial], how: Callable[[Pending], None]) -> None:
        with self._life.held() as trials:
            for each in sent:
                pending = trials.pending.get(each.number)
                if pending is None:
                    continue  # the trial has ended meanwhile, with these changes
                how(pending)
                if not pending:
                    del trials.pending[each.number]

    @contextmanager
    def _changing(self, number: int) -> Iterator[Pending]:
        """Add to the changes of an unfinished trial, and schedule their writing."""
        own = self._has(number)
        if not own:
            self._life.unfinished(number)
        with self._life.held() as trials:
            if trials.unfinished(number) is None:
                raise finished(number)
            yield trials.pending.setdefault(number, Pending())
            trials.changed(number)
        if own:
            self._soon(self)
            return
        self.flush()
        self._life.unfinished(number)

    def _check(self, name: str, distribution: BaseDistribution) -> None:
        with self._life.held() as trials:
            trials.check(name, distribution)

    def _has(self, number: int) -> bool:
        """Whether this process runs the trial, as far as it knows."""
        with self._life.held() as trials:
            trial = trials.unfinished(number)
        return trial is not None and self._caller.has(trial)
