"""The attempts of workers that no longer renew their leases."""

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.lease import lease_seconds
from tunelet.core.trial import Outcome, Trial, Verdict
from tunelet.engine.runs import run_of
from tunelet.log.keys import lease_key
from tunelet.log.leases import Leases


def abandoned(experiment: Experiment, leases: Leases) -> list[Command]:
    """Return the ends of the attempts whose leases have expired."""
    return [
        commands.Finish(trial.number, trial.attempt, _lost(seconds))
        for trial in experiment.live
        if (seconds := lease_seconds(trial.by)) is not None
        and leases.over(_lease(experiment, trial), seconds)
    ]


def _lease(experiment: Experiment, trial: Trial) -> str:
    return lease_key(run_of(experiment, trial.number, trial.attempt))


def _lost(seconds: float) -> Outcome:
    return Outcome(Verdict.LOST, reason=f"its worker gave no sign of life for {seconds:g} s")
