"""Launch, observe and stop the runs of trials, as their experiment's state requires."""

import logging
from collections.abc import Iterable

from tunelet import tracing
from tunelet.core import commands
from tunelet.core.clock import ahead
from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.fingerprint import of_trial
from tunelet.core.run import Life, Observation, Phase, Run
from tunelet.core.trial import Outcome, Report, Trial, TrialState, Verdict
from tunelet.engine.checkpoints import Checkpoints
from tunelet.engine.outputs import Outputs
from tunelet.engine.tokens import Tokens
from tunelet.errors import NotFound, Postponed, Reject, Retry, Throttled, TuneletError
from tunelet.log.identity import Identity
from tunelet.log.journal_cache import Journals
from tunelet.ports import Launcher
from tunelet.request.admission import refuse
from tunelet.request.policy import Policies
from tunelet.training.placeholders import resolve

log = logging.getLogger("tunelet.engine.runs")

GRACE = 30.0
"""Seconds for which a run may continue after its trial has ended, to clean up.

This applies to a run that has reported its outcome, or that a report's answer asked to stop. A run
that only prints its values learns of its stop from the signal that ends it, and gets no time."""

FOREIGN = (
    "there was another run of this name, with other hyperparameters"
    " (was an older copy of the store restored?)"
)
"""The reason for which an attempt is lost that found its name taken. The next has another name."""


class Runs:
    """Calls the launcher, and turns its answers into commands for the log."""

    def __init__(
        self,
        launcher: Launcher,
        journals: Journals,
        tokens: Tokens,
        checkpoints: Checkpoints,
        outputs: Outputs,
        identity: Identity,
        api_url: str,
        policies: Policies | None = None,
    ) -> None:
        self._launcher = launcher
        self._journals = journals
        self._tokens = tokens
        self._checkpoints = checkpoints
        self._outputs = outputs
        self._identity = identity
        self._api_url = api_url
        self._policies = policies or Policies()

    @property
    def in_process(self) -> bool:
        """Whether runs are calls in this process."""
        return self._launcher.in_process

    def handed(self, experiment: Experiment, trial: Trial) -> tuple[str, str]:
        """Return the token and the checkpoint URL for a worker that has taken the trial.

        Raises `Retry` if a parent's checkpoint cannot be copied now.
        """
        run = run_of(experiment, trial.number, trial.attempt)
        return self._tokens.issue(run, of_trial(trial)), self._checkpoints.url(run, trial.parent)

    def launched(self, experiment: Experiment, trial: Trial) -> Command | None:
        """Launch the trial's run; returns the command to record now, if any.

        Raises `Throttled` if there is no room for any run.
        """
        run = run_of(experiment, trial.number, trial.attempt)
        try:
            checkpoint_url = self._checkpoints.url(run, trial.parent)
            store = self._identity.known(run.namespace)
        except TuneletError as fault:
            # A refusal by the store says nothing about the trial.
            log.warning("trial %s waits for the store: %s", run.name, fault)
            return None
        digest = of_trial(trial)
        try:
            launch = resolve(
                experiment.typed_spec,
                run,
                trial.hyperparameters,
                api_url=self._api_url,
                token=self._tokens.issue(run, digest),
                checkpoint_url=checkpoint_url,
                store=store,
                digest=digest,
                traceparent=tracing.current(),
            )
            refuse(launch.code, self._policies.of(run.namespace), own=run.name)
            self._launcher.launch(launch)
        except Postponed as fault:
            away = Outcome(Verdict.LOST, reason=str(fault), unbegun=True, counted=False)
            return commands.Finish(trial.number, trial.attempt, away)
        except Throttled:
            raise
        except Retry as fault:
            log.debug("trial %s waits: %s", run.name, fault)
            return None
        except Reject as refusal:
            outcome = Outcome(Verdict.FAIL, reason=str(refusal))
            return commands.Finish(trial.number, trial.attempt, outcome)
        except Exception:
            # One trial's fault must not keep the others from being launched.
            log.exception("launch failed", extra={"experiment": run.experiment, "run": run.name})
            return None
        # Else `observed` records it.
        return None if self.in_process else commands.Start(trial.number, trial.attempt)

    def observed(self, experiment: Experiment, trial: Trial) -> list[Command]:
        """Observe the trial's run; returns the commands to record, none if there is no news.

        Never raises: the next step looks again at a run that cannot be observed now.
        """
        number, attempt = trial.number, trial.attempt
        seen = self._seen(experiment, trial)
        if seen is None:
            return []
        if not _is_own(trial, seen):
            log.warning("trial %d of %s: %s", number, experiment.name, FOREIGN)
            foreign = Outcome(Verdict.LOST, reason=FOREIGN, counted=False)
            return [commands.Finish(number, attempt, foreign)]
        if seen.phase is Phase.ABSENT:
            if trial.started_at is None and not seen.removed:
                return []  # not launched yet
            gone = Outcome(Verdict.LOST, reason="nothing is left of the run")
            return [commands.Finish(number, attempt, gone)]
        if seen.removed and trial.started_at is None:
            # The launcher's answer was lost. Without a record, the run would be launched again
            # once all traces of it are gone.
            return [commands.Start(number, attempt)]
        news = _news(trial, seen.reports)
        found: list[Command] = []
        if seen.began is not None and trial.started_at is None:
            found.append(commands.Start(number, attempt, seen.began))
        if seen.chosen is not None:
            found.append(commands.Assign(number, attempt, seen.chosen))
        if seen.outcome is not None:
            found.append(commands.Finish(number, attempt, seen.outcome, news))
        elif news:
            # An observed run may still be in the middle of its launch; one with reports is not.
            found.append(commands.Record(number, attempt, news))
        elif stalled := self._stalled(experiment, trial):
            found.append(stalled)
        return found

    def _seen(self, experiment: Experiment, trial: Trial) -> Observation | None:
        """Return what the launcher sees of the trial's run; None if that cannot be known now."""
        number = trial.number
        try:
            seen = self._launcher.observe(run_of(experiment, number, trial.attempt))
        except Retry as fault:
            log.warning("trial %d of %s cannot be seen: %s", number, experiment.name, fault)
            return None
        except Exception:
            # One run's fault must not hide the others.
            where = {"experiment": experiment.name}
            log.exception("trial %d cannot be seen", number, extra=where)
            return None
        if seen.waiting:
            log.info("trial %d of %s waits: %s", number, experiment.name, seen.waiting)
        return seen

    def _stalled(self, experiment: Experiment, trial: Trial) -> Command | None:
        """Return a command if the run may have stalled. The launcher is asked only if so.

        One that has not begun, such as a pod that waits for its node, has not stalled.
        """
        limit, now = experiment.terms.stall_seconds, self._journals.clock()
        if limit is None or not trial.silent(limit, now):
            return None
        try:
            heard = self._launcher.heard(run_of(experiment, trial.number, trial.attempt))
        except (NotFound, Reject, Retry) as fault:
            log.warning("trial %d of %s cannot be heard: %s", trial.number, experiment.name, fault)
            return None
        if heard is None or not trial.silent(limit, now, heard):
            return None
        return commands.Stall(trial.number, trial.attempt, heard)

    def stop_unwanted(self, namespace: str, name: str) -> bool:
        """Stop the active runs that the experiment's state does not want; False if none is active.

        The runs are listed before the state is read. A run is launched only after its slot is in
        the log, so the later state knows every listed run.
        """
        runs = self.active(namespace, name)
        experiment = self._journals.of(namespace, name).peek() if runs else None
        if experiment is not None:
            unwanted = [run for run in runs if not self._may_continue(experiment, run)]
            self._outputs.before_stop(experiment, unwanted)
            self.stop(unwanted)
        return bool(runs)

    def save_outputs(self, experiment: Experiment, ends: Iterable[Command]) -> None:
        """Write the output of the runs that ended so; the sweep writes what is missing then."""
        ended = [end for end in ends if isinstance(end, commands.Finish)]
        self._outputs.save(experiment, [run_of(experiment, e.number, e.attempt) for e in ended])

    def active(self, namespace: str, name: str) -> list[Run]:
        """Return the experiment's active runs, of any uid, except those of another store."""
        runs = self._launcher.active(namespace, name)
        known = (None, self._identity.known(namespace)) if runs else ()
        return [run for run in runs if self._launcher.origin(run) in known]

    def stop_strays(self, life: Life) -> None:
        """Stop the runs of a life that no log knows, for example because the log was lost.

        Only if they provably belong to this store: a wrong or empty store does not know any run.
        """
        store = self._identity.now(life.namespace)
        runs = [r for r in self._launcher.active(life.namespace, life.experiment) if r[:3] == life]
        self.stop(run for run in runs if self._launcher.origin(run) in (None, store))

    def stop(self, runs: Iterable[Run]) -> None:
        """Stop all of them; then raise `Retry` if any could not be stopped."""
        left: list[Retry] = []
        for run in runs:
            try:
                self._launcher.stop(run)
            except Retry as fault:
                left.append(fault)
        if left:
            raise left[0]

    def _may_continue(self, experiment: Experiment, run: Run) -> bool:
        if run.uid != experiment.uid or experiment.state is ExperimentState.DELETED:
            return False
        if wanted(experiment, run.number, run.attempt):
            return True
        trial = experiment.trials.get(run.number)
        if trial is None and run.number < experiment.next_number:
            trials = self._journals.trials(run.namespace, run.experiment, run.number - 1)
            trial = next(trials, None)
        if trial is None or trial.finished_at is None or trial.state is TrialState.STOPPED:
            return False
        now, until = self._journals.clock(), trial.finished_at + _grace(experiment, trial)
        in_time = now < until and not ahead(trial.finished_at, now)
        return trial.attempt == run.attempt and in_time


def run_of(experiment: Experiment, number: int, attempt: int) -> Run:
    return Run(experiment.namespace, experiment.name, experiment.uid, number, attempt)


def wanted(experiment: Experiment, number: int, attempt: int) -> bool:
    """Whether this is the trial's present attempt, and the trial has not ended."""
    trial = experiment.trials.get(number)
    return trial is not None and not trial.state.finished and trial.attempt == attempt


def ends_early(trial: Trial) -> bool:
    """Whether the trial ended other than by its training, so that its run may still be active."""
    return trial.state in (TrialState.STOPPED, TrialState.PRUNED)


def stopped_alone(trial: Trial) -> bool:
    """Whether it was stopped, if its experiment has not ended."""
    return trial.state is TrialState.STOPPED


def _is_own(trial: Trial, seen: Observation) -> bool:
    """Whether the run was launched for the trial; of a run without a digest this is assumed."""
    return not seen.digest or of_trial(trial) in ("", seen.digest)


def _grace(experiment: Experiment, trial: Trial) -> float:
    """Return the seconds for which a run may continue after its trial's end, to save its work."""
    if trial.state is not TrialState.PRUNED:
        return GRACE
    return GRACE if experiment.typed_spec.metrics.pushed else 0.0


def _news(trial: Trial, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """Return the reports with values that the trial's present attempt has not recorded."""
    known = {r.step: r.values.keys() for r in trial.reports if r.attempt == trial.attempt}
    return tuple(r for r in reports if not r.values.keys() <= known.get(r.step, set()))
