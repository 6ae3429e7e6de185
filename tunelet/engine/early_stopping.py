"""Early stopping: apply an experiment's stopping rules to new reports and ends.

A rule's decision is a command in the same log entry as the report that caused it. A rule decides
from the state that this process knows. If a decision is lost with its process, `sweep` makes it
again, because it applies the rules to every running trial.
"""

import logging
import threading
from collections.abc import Collection
from typing import cast

from tunelet.core import commands
from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.commands import Command
from tunelet.core.curves import Curves
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Outcome, TrialState, Verdict
from tunelet.engine.proposal import Proposal
from tunelet.errors import TuneletError
from tunelet.log.journal_cache import Journals
from tunelet.ports import Catalog, StoppingRule

log = logging.getLogger("tunelet.engine.early_stopping")

_KEPT = 64
"""The most experiments with curves in memory."""


class Stopping:
    """The rules of all experiments. Threads may share one."""

    def __init__(self, journals: Journals, catalog: Catalog) -> None:
        self._journals = journals
        self._catalog = catalog
        self._lock = threading.Lock()
        self._known = BoundedCache[str, _Known](count=_KEPT)

    def verdicts(self, proposal: Proposal) -> list[Command]:
        """Return the stops that follow from a proposal; from an empty one, for all its trials."""
        if not self._asked_for(proposal.experiment):
            return []
        after = proposal.after
        if after.over:
            return []
        numbers = proposal.reported if proposal.commands else after.trials.keys()
        ended = proposal.ends or not proposal.commands
        known = self._of(after)
        with known.lock:
            try:
                self._read(known.curves, after)
            except TuneletError as fault:
                # The store failed, not a rule: the reports are recorded, and a sweep judges them.
                log.warning("%s cannot be judged now: %s", after.name, fault)
                return []
            try:
                return self._judged(after, known.curves, sorted(numbers), ended)
            except Exception as error:
                log.exception("a stopping rule failed", extra={"experiment": after.name})
                return [commands.Abort(f"a stopping rule failed: {error}")]

    def _asked_for(self, experiment: Experiment) -> bool:
        spec = experiment.typed_spec
        return bool(spec.early_stopping) or self._catalog.stops(spec.algorithm.name)

    def _judged(
        self, experiment: Experiment, curves: Curves, numbers: Collection[int], ended: bool
    ) -> list[Command]:
        rules = self._rules(experiment)
        found: list[Command] = []
        for number in numbers:
            trial = experiment.trials[number]
            if trial.state is not TrialState.RUNNING:
                continue
            reason = next(filter(None, (rule.stops(curves, number) for rule in rules)), None)
            if reason is not None:
                outcome = Outcome(Verdict.PRUNED, reason=reason)
                found.append(commands.Finish(number, trial.attempt, outcome))
        if ended:
            reason = next(filter(None, (rule.ends(curves) for rule in rules)), None)
            found += [commands.Conclude(reason)] if reason is not None else []
        return found

    def _rules(self, experiment: Experiment) -> list[StoppingRule]:
        spec = experiment.typed_spec
        rules = [self._catalog.rule(each.name, each.settings) for each in spec.early_stopping]
        algorithm = spec.algorithm
        if self._catalog.stops(algorithm.name):
            loaded = self._catalog.load(algorithm.name, algorithm.settings)
            rules.append(cast(StoppingRule, loaded))
        return rules

    def _of(self, experiment: Experiment) -> "_Known":
        with self._lock:
            known = self._known.take(experiment.uid) or _Known(experiment)
            self._known.put(experiment.uid, known)
        return known

    def _read(self, curves: Curves, experiment: Experiment) -> None:
        """Bring the curves up to date; read only unknown trials from the log."""
        new = curves.unfinished(experiment.next_number)
        for trial in experiment.trials.values():
            curves.take(trial)
        missing = [number for number in new if number not in experiment.trials]
        if missing:
            for trial in self._journals.of_life(experiment, missing[0] - 1):
                if trial.state.finished:
                    curves.take(trial)


class _Known:
    """The curves of all trials of one experiment. Only the thread that holds the lock uses it."""

    def __init__(self, experiment: Experiment) -> None:
        self.lock = threading.Lock()
        self.curves = Curves(experiment.terms.objectives[0])
