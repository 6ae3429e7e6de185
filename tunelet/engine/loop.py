"""The trial loop: suggest, launch, collect.

Each step loads the state, decides, commits, acts and publishes what is to come next. All
steps may run at any time, any number of times and in many places at once.
"""

import logging
from collections.abc import Sequence
from typing import Any

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.decide import foreseen
from tunelet.core.experiment import DELETED, RUNNING, Experiment
from tunelet.core.installation import Installation
from tunelet.core.signal import FINISHED, LAUNCH, SUGGEST, Signal
from tunelet.core.trial import Trial
from tunelet.engine.early_stopping import Stopping
from tunelet.engine.runs import Runs, ends_early, run_of
from tunelet.engine.suggest import Suggesting
from tunelet.errors import NotFound, Retry, Throttled
from tunelet.log.journal_cache import Journals
from tunelet.log.leases import Leases
from tunelet.log.markers import Markers
from tunelet.ports import Publisher

log = logging.getLogger("tunelet.engine.loop")


class Loop:
    """The steps that every experiment goes through until it ends."""

    def __init__(
        self,
        journals: Journals,
        markers: Markers,
        leases: Leases,
        suggesting: Suggesting,
        stopping: Stopping,
        runs: Runs,
        publisher: Publisher,
    ) -> None:
        self._journals = journals
        self._markers = markers
        self._leases = leases
        self._by = journals.by
        self._suggesting = suggesting
        self._stopping = stopping
        self._runs = runs
        self._publisher = publisher

    def suggest(self, namespace: str, name: str) -> None:
        """Ask the algorithm for as many trials as there is room for."""
        journal = self._journals.of(namespace, name)
        experiment = journal.read()
        asked = None
        while self._by.room(experiment) > 0 and _asks(experiment) != asked:
            asked = _asks(experiment)
            command = self._suggesting.suggested(experiment)
            experiment = journal.commit(command, uid=experiment.uid)
        # An algorithm that has nothing to give waits for a result, whose recording asks again.
        self.follow(experiment, but=SUGGEST)

    def launch(self, namespace: str, name: str) -> None:
        """Make the runs match the state: start those that are due, stop those that are not."""
        experiment = self._journals.of(namespace, name).peek()
        if experiment is not None:
            self._reconcile(experiment)

    def collect(self, namespace: str, name: str, number: int | None = None) -> None:
        """Record what the launcher sees of the active runs, or of one trial's."""
        journal = self._journals.of(namespace, name)
        experiment = journal.peek()
        if experiment is None:
            return
        if experiment.over:
            self._reconcile(experiment)  # a run that ended may be the last that was waited for
            return
        seen = [
            command
            for trial in experiment.live
            if trial.active and number in (None, trial.number) and self._by.owns(trial)
            for command in self._runs.observed(experiment, trial)
        ]
        if seen:
            seen += self.follow_ups(experiment, seen)
            after = journal.commit(*seen, uid=experiment.uid)
            if any(isinstance(command, commands.Finish) for command in seen):
                self.follow(after)

    def follow_ups(self, experiment: Experiment | None, seen: Sequence[Command]) -> list[Command]:
        """What belongs into one entry with `seen`: verdicts of the stopping rules, new trials.

        That saves a write, an event and a cold start. `experiment` may be an older state;
        without one, nothing follows.
        """
        if experiment is None:
            return []
        verdicts = self._stopping.verdicts(experiment, seen)
        return [*verdicts, *self._successors(experiment, [*seen, *verdicts])]

    def _successors(self, experiment: Experiment, seen: Sequence[Command]) -> list[Command]:
        """Trials for the slots that become free, of an algorithm that need not run elsewhere.

        If the state is not the newest, they are void.
        """
        light = self._suggesting.light(experiment)
        if not light or not any(isinstance(command, commands.Finish) for command in seen):
            return []
        after = foreseen(experiment, seen, self._journals.clock(), self._by)
        if after is None or self._by.room(after) == 0:
            return []
        try:
            return [self._suggesting.suggested(after)]
        except Retry as fault:
            # What happened is recorded in any case; the next step asks again.
            log.warning("trials of %s are suggested later: %s", experiment.name, fault)
            return []

    def follow(self, experiment: Experiment, but: str | None = None) -> None:
        """Publish what the state calls for. A signal that is lost costs time only."""
        for topic in _needs(experiment, self._by, self._journals.clock()):
            if topic == but:
                continue
            try:
                self._publisher.publish(Signal(topic, experiment.namespace, experiment.name))
            except Retry as fault:
                log.warning("signal %s is lost, sweep will see to it: %s", topic, fault)

    def _reconcile(self, experiment: Experiment) -> None:
        experiment = self._held(experiment)
        launched = self._launched(experiment)
        if launched:
            experiment = self._launches_recorded(experiment, launched)
        if experiment.over or any(ends_early(t) for t in experiment.trials.values()):
            self._runs.stop_unwanted(experiment.namespace, experiment.name)
        if experiment.state == DELETED:
            self._markers.forget(experiment)

    def _launched(self, experiment: Experiment) -> list[tuple[Trial, Command]]:
        """Launch what is due; where there is no room for one trial, no further one is tried."""
        launched = []
        for trial in self._due(experiment):
            try:
                command = self._runs.launched(experiment, trial)
            except Throttled as fault:
                log.debug("trials of %s wait: %s", experiment.name, fault)
                break
            if command is not None:
                launched.append((trial, command))
        return launched

    def _due(self, experiment: Experiment) -> list[Trial]:
        return _due(experiment, self._by, self._journals.clock())

    def _held(self, experiment: Experiment) -> Experiment:
        """The state to launch by, read after a sign of life: others may have waited in vain."""
        if self._due(experiment) and self._leases.hold():
            return self._journals.of(experiment.namespace, experiment.name).peek() or experiment
        return experiment

    def _launches_recorded(
        self, experiment: Experiment, launched: list[tuple[Trial, Command]]
    ) -> Experiment:
        journal = self._journals.of(experiment.namespace, experiment.name)
        happened = [command for _, command in launched]
        try:
            after = journal.commit(*happened, uid=experiment.uid)
        except NotFound:
            # Deleted meanwhile, and whoever stopped its runs may have come before these.
            self._runs.stop(
                run_of(experiment, trial.number, trial.attempt) for trial, _ in launched
            )
            raise
        if any(isinstance(command, commands.Finish) for command in happened):
            self.follow(after)
        return after


def _asks(experiment: Experiment) -> tuple[int, Any]:
    """What has to change for an algorithm that gave nothing to be asked again at once."""
    return experiment.next_number, experiment.spec["hpo_algorithm"]


def _needs(experiment: Experiment, by: Installation, now: float) -> list[str]:
    """The topics on which the state calls for action."""
    if experiment.over:
        return [LAUNCH, FINISHED]
    due = [LAUNCH] if _due(experiment, by, now) else []
    return [*due, *([SUGGEST] if by.room(experiment) > 0 else [])]


def _due(experiment: Experiment, by: Installation, now: float) -> list[Trial]:
    """Trials whose runs `by` is to launch now: none in a pause, nor beyond a smaller budget.

    And no new ones where all have failed alike so far, nor those that could not begin just now.
    """
    if experiment.state != RUNNING:
        return []
    reserved = [t for t in experiment.live if t.reserved and t.started_at is None]
    if experiment.hopeless:
        reserved = [t for t in reserved if t.begun]
    free = experiment.terms.parallel_trials - (experiment.active - len(reserved))
    due = [trial for trial in reserved[: max(0, free)] if by.owns(trial)]
    return [trial for trial in due if not trial.waits(now)]
