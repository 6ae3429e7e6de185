"""The members of experiments: what this installation has joined, and who has left.

A member leaves when its lease expires. One that was only slow joins again, as soon as it sees
that it is not a member any more.
"""

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.installation import Installation
from tunelet.core.trial import Outcome, Trial, Verdict
from tunelet.log.leases import Leases


class Membership:
    """Threads may share one."""

    def __init__(self, by: Installation, leases: Leases) -> None:
        self._by = by
        self._leases = leases
        self._joined: set[str] = set()

    def stay(self, experiment: Experiment) -> None:
        """Keep the lease, and join again whenever this installation is not a member any more."""
        self._joined.add(experiment.uid)
        self._leases.hold()

    def join(self) -> Command:
        """Return the command by which this installation becomes a member."""
        assert self._by.places is not None
        return commands.Join(self._by.id, self._by.places)

    def needs_lease(self, experiment: Experiment) -> bool:
        """Whether others would take slots of this installation if its lease expired."""
        runs = any(trial.active and self._by.owns(trial) for trial in experiment.live)
        return runs or self._by.id in experiment.shared

    def changes(self, experiment: Experiment) -> list[Command]:
        """Return how this installation joins again, and how others leave with their runs.

        Others leave only if this installation can run their trials instead; else their trials wait
        for them to return.
        """
        rejoins = experiment.uid in self._joined and self._by.id not in experiment.shared
        joins: list[Command] = [self.join()] if rejoins else []
        return [*joins, *self.departures(experiment)]

    def departures(self, experiment: Experiment) -> list[Command]:
        """Return how others leave."""
        if not self._by.takes(experiment):
            return []
        others = [t for t in experiment.live if t.active and not self._by.owns(t)]
        members = experiment.shared.slots.keys() - {self._by.id}
        lost = {each for each in {t.by for t in others} | members if self._leases.over(each)}
        return [
            *(commands.Leave(each) for each in sorted(lost & members)),
            *(_lost(trial) for trial in others if trial.by in lost),
        ]


def _lost(trial: Trial) -> Command:
    """Return the end of the run. It does not count if the log has no start of it."""
    reason = f"the installation {trial.by}, which launched it, gives no sign of life"
    outcome = Outcome(Verdict.LOST, reason=reason, counted=trial.started_at is not None)
    return commands.Finish(trial.number, trial.attempt, outcome)
