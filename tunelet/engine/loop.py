"""The trial loop: suggest, launch, collect.

Each step loads the state, decides, commits, acts and publishes signals for the next steps.
All steps may run at any time, any number of times, and in many processes at once.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.decide import untaken
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.installation import Installation
from tunelet.core.signal import COLLECT, FINISHED, LAUNCH, SUGGEST, Signal
from tunelet.core.trial import Trial, Verdict
from tunelet.engine.early_stopping import Stopping
from tunelet.engine.live_trials import LiveTrials
from tunelet.engine.proposal import Proposal
from tunelet.engine.runs import Runs, ends_early, run_of, stopped_alone, wanted
from tunelet.engine.suggest import Suggesting
from tunelet.errors import NotFound, Retry, Throttled
from tunelet.log.journal import Journal
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
        live: LiveTrials,
        publisher: Publisher,
    ) -> None:
        self._journals = journals
        self._markers = markers
        self._leases = leases
        self._by = journals.by
        self._suggesting = suggesting
        self._stopping = stopping
        self._runs = runs
        self._live = live
        self._publisher = publisher

    def suggest(self, namespace: str, name: str) -> None:
        """Ask the algorithm for as many trials as have room, and record them."""
        journal = self._journals.of(namespace, name)
        known = journal.known()
        light = known is not None and self._suggesting.light(known)
        with journal.turn() if light else nullcontext():
            experiment = self._suggested(journal)
        # An algorithm without suggestions waits for a result; recording one asks it again.
        self.follow(experiment, but=SUGGEST)

    def _suggested(self, journal: Journal) -> Experiment:
        experiment = journal.read()
        asked = None
        while self._by.room(experiment) > 0 and _asks(experiment) != asked:
            asked = _asks(experiment)
            command = self._suggesting.suggested(experiment)
            experiment = journal.commit(command, uid=experiment.uid)
        if _takes(experiment, self._by):
            experiment = journal.commit(commands.Tick(), uid=experiment.uid)
        return experiment

    def launch(self, namespace: str, name: str, number: int | None = None) -> None:
        """Make the runs match the state: start those that are due, stop the others.

        `number` is a trial that ended before its run did. It may have left the state since, so that
        only a list of the runs shows whether its run is active.
        """
        experiment = self._journals.of(namespace, name).peek()
        if experiment is not None:
            self._reconcile(experiment, early=number is not None)

    def stop_unwanted(self, namespace: str, name: str) -> None:
        """Stop the runs that the state does not want."""
        self._runs.stop_unwanted(namespace, name)

    def collect(self, namespace: str, name: str, number: int | None = None) -> None:
        """Observe the active runs, or only the run of trial `number`, and record the news."""
        journal = self._journals.of(namespace, name)
        with journal.turn():
            # What runs in this process was launched from a state that it knows. `commit` reads on.
            known = journal.led() if self._runs.in_process else None
            experiment = known or journal.peek()
            if experiment is None:
                return
            observed = self._observed(experiment, number)
            judged = self.follow_ups(experiment, observed) if observed else []
            seen = [*observed, *judged]
            after = journal.commit(*seen, uid=experiment.uid) if seen else experiment
        if experiment.over:
            self._reconcile(experiment)  # the end of a run may be the last one awaited
        elif after.over or any(isinstance(command, commands.Finish) for command in seen):
            self._go_on(after, _ended_early(after, judged))
            self._runs.save_outputs(after, observed)
        if any(isinstance(command, commands.Stall) for command in seen):
            self._runs.stop_unwanted(namespace, name)
            self.follow(after)

    def _observed(self, experiment: Experiment, number: int | None) -> list[Command]:
        """Return the news of the active runs, or of the run of trial `number`."""
        if experiment.over or experiment.study is not None:
            return []  # the trials of a study have no runs here
        return [
            command
            for trial in experiment.live
            if trial.active and number in (None, trial.number) and self._by.owns(trial)
            for command in self._runs.observed(experiment, trial)
        ]

    def follow_ups(self, experiment: Experiment | None, seen: Sequence[Command]) -> list[Command]:
        """Return commands for the same entry as `seen`: early stops and new trials.

        That saves a write, an event and a cold start. `experiment` may be an older state;
        without one, the result is empty.
        """
        if experiment is None:
            return []
        proposal = self.proposal(experiment)
        proposal.add(*seen)
        proposal.add(*self._stopping.verdicts(proposal))
        proposal.add(*self._successors(proposal))
        return proposal.commands[len(seen) :]

    def proposal(self, experiment: Experiment) -> Proposal:
        """Return an empty proposal of this installation."""
        return Proposal(experiment, self._journals.clock(), self._by)

    def _successors(self, proposal: Proposal) -> list[Command]:
        """Suggest trials for the slots that become free, if the algorithm is light.

        If the state is not the newest, they have no effect.
        """
        experiment = proposal.experiment
        if not proposal.ends or not self._suggesting.light(experiment):
            return []
        # Others cannot add trials in time while this process writes one entry after another.
        ahead = self._journals.of(experiment.namespace, experiment.name).leads_many
        room = proposal.after.room_ahead if ahead else proposal.room
        if room == 0:
            return []
        try:
            return [self._suggesting.suggested(proposal.after, room, ahead)]
        except Retry as fault:
            # The reports and ends are recorded in any case; the next step asks again.
            log.warning("trials of %s are suggested later: %s", proposal.after.name, fault)
            return []

    def change(
        self, namespace: str, name: str, *what: Command, uid: str | None = None
    ) -> Experiment:
        """Commit a change, and publish the signals that the new state calls for."""
        experiment = self._journals.of(namespace, name).commit(*what, uid=uid)
        self.follow_ends(experiment, _ended_early(experiment, what))
        return experiment

    def follow(self, experiment: Experiment, but: str | None = None) -> None:
        """Publish the signals that the state calls for. A lost signal costs only time."""
        for topic in _needs(experiment, self._by, self._journals.clock()):
            if topic != but:
                self._publish(topic, experiment)
        self._wake(experiment)

    def follow_ends(self, experiment: Experiment, early: Collection[int]) -> None:
        """Like `follow`, and end the runs of the trials in `early`, which ended before their runs.

        The signal names one of these trials, because the state does not show it if the entry of its
        end closed a window.
        """
        if not early or experiment.over:
            self.follow(experiment)
            return
        self._publish(LAUNCH, experiment, min(early))
        self.follow(experiment, but=LAUNCH)

    def _wake(self, experiment: Experiment) -> None:
        """Let others of the namespace launch, as a trial of this experiment may have ended."""
        try:
            for name in self._live.give_back(experiment):
                self._publisher.publish(Signal(LAUNCH, experiment.namespace, name))
        except Retry as fault:
            log.warning("waiting experiments are left to the sweep: %s", fault)

    def limited(self, namespace: str) -> bool:
        """Whether a quota limits how many trials of the namespace run at a time."""
        return self._live.limited(namespace)

    def _publish(self, topic: str, experiment: Experiment, number: int | None = None) -> None:
        try:
            signal = Signal(topic, experiment.namespace, experiment.name, number)
            self._publisher.publish(signal)
        except Retry as fault:
            log.warning("signal %s is lost, sweep will see to it: %s", topic, fault)

    def _go_on(self, experiment: Experiment, early: Collection[int]) -> None:
        """Launch at once what takes no time to launch, and publish signals for the other steps."""
        if experiment.over or not self._runs.in_process:
            self.follow_ends(experiment, early)
            return
        self._reconcile(experiment, bool(early))
        self.follow(experiment, but=LAUNCH)

    def _reconcile(self, experiment: Experiment, early: bool = False) -> None:
        """Stop and launch runs. `early`: a trial that ended before its run may be in a segment."""
        experiment = self._held(experiment)
        early = early or any(map(stopped_alone, experiment.trials.values()))
        if not experiment.over and early:
            # Before another trial takes the slot: the machine may have no room for both.
            self._runs.stop_unwanted(experiment.namespace, experiment.name)
        due = self._live.admitted(experiment, self._due(experiment))
        launched = self._launched(experiment, due)
        if launched:
            experiment = self._launches_recorded(experiment, launched)
        if due and self._runs.in_process:
            self._publish(COLLECT, experiment)  # which records the starts
        pruned = not early and any(map(ends_early, experiment.trials.values()))
        if experiment.over or pruned or _in_vain(experiment, launched):
            self._runs.stop_unwanted(experiment.namespace, experiment.name)
        if experiment.state is ExperimentState.DELETED:
            self._markers.forget(experiment)

    def _launched(
        self, experiment: Experiment, due: Sequence[Trial]
    ) -> list[tuple[Trial, Command]]:
        """Launch the trials that are due, and stop at the first one without room."""
        launched = []
        for trial in due:
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
        """Renew the lease, then read the state: others may have taken over runs meanwhile."""
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
            # Deleted meanwhile; its runs may have been stopped before these were launched.
            self._runs.stop(
                run_of(experiment, trial.number, trial.attempt) for trial, _ in launched
            )
            raise
        if any(isinstance(command, commands.Finish) for command in happened):
            self.follow(after)
        return after


def _asks(experiment: Experiment) -> tuple[int, Any]:
    """Return the facts of which one has to change before a waiting algorithm is asked again."""
    return experiment.next_number, experiment.spec["hpo_algorithm"]


def _ended_early(experiment: Experiment, what: Iterable[Command]) -> set[int]:
    """Return the numbers of the trials that the commands end before their runs.

    A run that reports its own values does not count: the answer to its report asks it to stop.
    """
    finished = (command for command in what if isinstance(command, commands.Finish))
    pruned = {each.number for each in finished if each.outcome.verdict is Verdict.PRUNED}
    if not pruned or experiment.for_workers or experiment.typed_spec.metrics.pushed:
        return set()
    return pruned


def _in_vain(experiment: Experiment, launched: Iterable[tuple[Trial, Command]]) -> bool:
    """Whether a trial was launched that has ended meanwhile, or has begun another attempt."""
    started = (trial for trial, command in launched if isinstance(command, commands.Start))
    return not all(wanted(experiment, trial.number, trial.attempt) for trial in started)


def _needs(experiment: Experiment, by: Installation, now: float) -> list[str]:
    """Return the topics of the signals that the state calls for."""
    if experiment.over:
        return [LAUNCH, FINISHED]
    due = [LAUNCH] if _due(experiment, by, now) else []
    asks = by.room(experiment) > 0 or _takes(experiment, by)
    return [*due, *([SUGGEST] if asks else [])]


def _takes(experiment: Experiment, by: Installation) -> bool:
    """Whether `by` has free slots for trials that wait for one."""
    return by.slots(experiment) > 0 and bool(untaken(experiment))


def _due(experiment: Experiment, by: Installation, now: float) -> list[Trial]:
    """Return the trials that `by` has to launch now.

    None during a pause or beyond a reduced budget, no new ones if all trials have failed alike so
    far, and none that still waits after an attempt that could not begin.
    """
    if experiment.state is not ExperimentState.RUNNING:
        return []
    reserved = [t for t in experiment.live if t.reserved and t.started_at is None]
    if experiment.hopeless:
        reserved = [t for t in reserved if t.begun]
    free = experiment.terms.parallel_trials - (experiment.active - len(reserved))
    due = [trial for trial in reserved[: max(0, free)] if by.owns(trial)]
    return [trial for trial in due if not trial.waits(now)]
