"""All trials of one study as Optuna's frozen trials, kept up to date with the log.

A trial that has ended never changes, so only the others and new ones are read again.
"""

from collections.abc import Container, Sequence

from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as State

from adapters.optuna.frozen import frozen
from adapters.optuna.names import trial_id
from adapters.optuna.pending import Pending
from tunelet.core.problem import Objective
from tunelet.core.study_view import Changed, Since
from tunelet.core.trial import Trial, TrialState


class Trials:
    """The trials of one study. Not thread-safe."""

    def __init__(self, study: int) -> None:
        self._study = study
        self._seq = 0
        """The entry of the log up to which all changes are known."""
        self._objectives: Sequence[Objective] = ()
        self._frozen: list[FrozenTrial | None] = []
        """The frozen trials by number; None: to be created from `_open` again."""
        self._open: dict[int, Trial] = {}
        """The trials that had not ended when last seen."""
        self._stale: dict[int, Trial] = {}
        """The numbers of the trials to freeze again."""
        self._distributions: dict[str, BaseDistribution] = {}
        self.pending: dict[int, Pending] = {}

    @property
    def since(self) -> Since:
        """How far the log is known: later changes are missing."""
        return Since(self._seq, min(self._open, default=len(self._frozen)))

    def follow(self, changed: Changed) -> bool:
        """Adopt the changes. False: newer ones were adopted before."""
        if changed.seq < self._seq:
            return False
        self._objectives = changed.study.objectives
        for trial in changed.trials:
            self._put(trial)
        self._seq = changed.seq
        return True

    def _put(self, trial: Trial) -> None:
        known = len(self._frozen)
        if trial.number < known and trial.number not in self._open:
            return  # it has ended, and changes no more
        if trial.number >= known:
            self._frozen += [None] * (trial.number + 1 - known)
        self._stale[trial.number] = trial
        if trial.state.finished:
            self._open.pop(trial.number, None)
        else:
            self._open[trial.number] = trial

    def __len__(self) -> int:
        return len(self._frozen)

    def unfinished(self, number: int) -> Trial | None:
        """Return the trial as it is in the log, if it had not ended when last seen."""
        return self._open.get(number)

    def changed(self, number: int) -> None:
        """Note that an unfinished trial has other unwritten changes."""
        self._stale[number] = self._open[number]

    def check(self, name: str, distribution: BaseDistribution) -> None:
        """Raise `ValueError` if another trial's hyperparameter of this name is incompatible."""
        if name not in self._distributions:
            self._refresh()
        check_distribution_compatibility(
            self._distributions.setdefault(name, distribution), distribution
        )

    def get(self, number: int) -> FrozenTrial:
        self._refresh()
        found = self._frozen[number]
        assert found is not None
        return found

    def running(self) -> list[Trial]:
        """Return the running trials, as they are in the log."""
        return [trial for trial in self._open.values() if trial.state is TrialState.RUNNING]

    def all(self, states: Container[State] | None) -> list[FrozenTrial]:
        """Return the trials in these states, by number; None: in all states."""
        self._refresh()
        if states == (State.WAITING,):
            # Asked before each trial: the time must not grow with their number.
            numbers = sorted(self._open)
            some = [self._frozen[number] for number in numbers]
        else:
            some = self._frozen
        return [t for t in some if t is not None and (states is None or t.state in states)]

    def _refresh(self) -> None:
        if not self._stale:
            return
        for number, trial in self._stale.items():
            pending = self.pending.get(number)
            shown = trial if pending is None else pending.over(trial)
            self._freeze(shown)
        self._stale.clear()

    def _freeze(self, trial: Trial) -> None:
        identifier = trial_id(self._study, trial.number)
        made = frozen(trial, identifier, self._objectives)
        self._frozen[trial.number] = made
        for name, distribution in made.distributions.items():
            self._distributions.setdefault(name, distribution)
