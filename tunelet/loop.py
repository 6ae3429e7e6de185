"""The trial loop: suggest, launch, collect, and the sweep that does all three.

Each step loads the state, decides, commits, acts and publishes what is to come next. All
steps may run at any time, any number of times and in many places at once.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import TypeVar

from tunelet import commands, tracing
from tunelet.checkpoints import Checkpoints
from tunelet.commands import Command
from tunelet.contract import resolve
from tunelet.decide import decide
from tunelet.errors import NotFound, Reject, Retry, TuneletError
from tunelet.experiment import DELETED, RUNNING, Experiment, evolve_all
from tunelet.log import retention
from tunelet.log.entry import Damaged
from tunelet.log.journals import Journals
from tunelet.log.markers import Marker, Markers
from tunelet.ports import (
    FINISHED,
    LAUNCH,
    SUGGEST,
    Catalog,
    Launcher,
    Phase,
    Problem,
    Publisher,
    Run,
    Signal,
    Store,
    Suggestions,
)
from tunelet.stopping import Stopping
from tunelet.tokens import Tokens
from tunelet.trial import Outcome, Report, Trial, TrialState, Verdict

log = logging.getLogger("tunelet.loop")

T = TypeVar("T")

GRACE = 300.0
"""Seconds for which a run that told its own outcome may go on, to tidy up."""

GRACE_TOLD = 30.0
"""The same for one that pushes its reports, and was told in the answer that it is to stop. What
only prints its values is told by the signal that ends it."""

WATCHED = 120.0
"""For so many seconds an experiment that ended is swept: whoever saw it running may be about to
launch a run, and die before he can stop it."""


class Loop:
    """The trial loop over the ports."""

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        catalog: Catalog,
        publisher: Publisher,
        journals: Journals,
        tokens: Tokens,
        api_url: str,
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._catalog = catalog
        self._publisher = publisher
        self._journals = journals
        self._markers = Markers(store, journals.clock)
        self._tokens = tokens
        self._api_url = api_url
        self._stopping = Stopping(journals, catalog)
        self._checkpoints = Checkpoints(store)

    def suggest(self, namespace: str, name: str) -> None:
        """Ask the algorithm for as many trials as there is room for."""
        journal = self._journals.of(namespace, name)
        experiment = journal.read()
        while experiment.room > 0:
            before = experiment
            experiment = journal.commit(self._suggested(before), uid=before.uid)
            if experiment.next_number == before.next_number:
                break
        self.follow(experiment)

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
            if trial.active and number in (None, trial.number)
            for command in self._observed(experiment, trial)
        ]
        if seen:
            seen += self.follow_ups(experiment, seen)
            after = journal.commit(*seen, uid=experiment.uid)
            if any(isinstance(command, commands.Finish) for command in seen):
                self.follow(after)

    def sweep(self) -> int:
        """Do for every live experiment all that lost signals would have; returns how many.

        Deletes the ended ones whose time has come, too.
        """
        live = 0
        for expired in retention.due(self._store, self._journals.clock()):
            try:
                self._expire(expired)
            except Exception:
                where = {"namespace": expired.namespace, "experiment": expired.name}
                log.exception("an expired experiment is still there", extra=where)
        for marker in self._markers.live():
            try:
                live += self._look_after(marker)
            except Exception:
                # One experiment's fault must not keep the sweep from the others.
                log.exception(
                    "sweep failed", extra={"namespace": marker.namespace, "experiment": marker.name}
                )
        self._stop_strays()
        return live

    def _stop_strays(self) -> None:
        """Stop what runs though no log knows its experiment: the bucket was emptied, say."""
        try:
            for life in self._launcher.lives():
                experiment = self._journals.of(life.namespace, life.experiment).peek()
                gone = experiment is None or experiment.state == DELETED
                if gone or (experiment is not None and experiment.uid != life.uid):
                    runs = self._launcher.active(life.namespace, life.experiment)
                    self._stop(run for run in runs if run.uid == life.uid)
        except Exception:
            log.exception("runs of unknown experiments may be left")

    def follow(self, experiment: Experiment) -> None:
        """Publish what the state calls for. A signal that is lost costs time only."""
        for topic in _needs(experiment):
            try:
                self._publisher.publish(Signal(topic, experiment.namespace, experiment.name))
            except Retry as fault:
                log.warning("signal %s is lost, sweep will see to it: %s", topic, fault)

    def _look_after(self, marker: Marker) -> bool:
        """All that the marker's experiment needs; whether it is live."""
        try:
            return self._moved_on(marker)
        except Damaged as damage:
            self._halt(marker, damage)
            return False

    def _moved_on(self, marker: Marker) -> bool:
        namespace, name = marker.namespace, marker.name
        journal = self._journals.of(namespace, name)
        experiment = journal.peek()
        if experiment is not None and not experiment.over:
            verdicts = self._stopping.verdicts(experiment)
            journal.commit(commands.Tick(), *verdicts, uid=experiment.uid)
            self.collect(namespace, name)
            self.suggest(namespace, name)
        self.launch(namespace, name)
        self._stop_unwanted(namespace, name)
        experiment = journal.peek()
        at_rest = self._at_rest(marker, experiment)
        if experiment is not None and at_rest:
            retention.note(self._store, experiment)
        self._markers.tidy(marker, experiment, at_rest)
        return experiment is not None and marker.announces(experiment) and not experiment.over

    def _halt(self, marker: Marker, damage: Damaged) -> None:
        """Stop what runs for a log that nothing can be recorded in any more."""
        where = {"namespace": marker.namespace, "experiment": marker.name}
        log.error("the log is damaged: %s", damage, extra=where)
        try:
            self._stop(self._launcher.active(marker.namespace, marker.name))
        except Retry as fault:
            log.warning("some runs are stopped by the next sweep: %s", fault, extra=where)

    def _expire(self, expired: retention.Expiry) -> None:
        """Delete the experiment, unless it goes on or is to be kept longer by now."""
        journal = self._journals.of(expired.namespace, expired.name)
        experiment = journal.peek()
        if experiment is not None and retention.expiry(experiment) == expired:
            self._markers.set(expired.after())
            experiment = journal.commit(commands.Expire(expired.epoch), uid=expired.uid)
            self.follow(experiment)
        if experiment is not None:
            retention.note(self._store, experiment)
        if experiment is None or retention.expiry(experiment) != expired:
            retention.forget(self._store, expired)

    def _at_rest(self, marker: Marker, experiment: Experiment | None) -> bool:
        """Nothing of the marker's life runs, and what a deleted one has left is removed."""
        namespace, name, uid = marker.namespace, marker.name, marker.uid
        if any(run.uid == uid for run in self._launcher.active(namespace, name)):
            return False
        if experiment is not None and experiment.uid == uid and experiment.state != DELETED:
            ended = experiment.ended_at
            return ended is not None and self._journals.clock() >= ended + WATCHED
        self._launcher.remove(namespace, name, uid)
        return self._journals.of(namespace, name).purge()

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
        light = self._catalog.light(experiment.spec["hpo_algorithm"]["name"])
        if not light or not any(isinstance(command, commands.Finish) for command in seen):
            return []
        after: Experiment | None = experiment
        for command in seen:
            after = evolve_all(after, decide(after, command, self._journals.clock()))
        return [self._suggested(after)] if after is not None and after.room > 0 else []

    def _suggested(self, experiment: Experiment) -> Command:
        algorithm = experiment.spec["hpo_algorithm"]
        prior = self._prior(experiment)
        try:
            suggestions = self._ask(experiment, prior)
        except (OSError, MemoryError) as fault:
            raise Retry(f"{algorithm['name']} could not be asked: {fault}") from fault
        except Exception as error:
            if isinstance(error, TuneletError) and not isinstance(error, Reject):
                raise  # of the log that it read, not of the algorithm
            log.exception("the algorithm failed", extra={"experiment": experiment.name})
            return commands.Abort(f"the algorithm {algorithm['name']} failed: {error}")
        return commands.AddTrials(
            first=experiment.next_number,
            assignments=tuple(suggestions.assignments),
            exhausted=suggestions.exhausted,
            memory=suggestions.memory,
            notes=_numbered(experiment.next_number, suggestions.notes),
            parents=_numbered(experiment.next_number, suggestions.parents),
            asked=algorithm,
        )

    def _ask(self, experiment: Experiment, prior: Sequence[Trial]) -> Suggestions:
        from tunelet.space import Space

        spec = experiment.spec
        algorithm = spec["hpo_algorithm"]
        seed = spec["seed"] if spec["seed"] is not None else int(experiment.uid[:8], 16)
        problem = Problem(
            space=Space.of(spec["hyperparameters"]),
            objectives=experiment.terms.objectives,
            seed=seed,
            first=experiment.next_number,
            memory=experiment.memory,
            constraints=experiment.terms.constraints,
            prior=prior,
            parallel=experiment.terms.parallel_trials,
            budget=experiment.terms.max_trials,
        )
        past = self._journals.past(experiment)
        asked = self._catalog.load(algorithm["name"], algorithm["settings"])
        return asked.suggest(problem, past, experiment.room)

    def _prior(self, experiment: Experiment) -> list[Trial]:
        """The ended trials of the experiments that `warm_start` names, in its order."""
        found: list[Trial] = []
        for source in experiment.spec.get("warm_start", ()):
            try:
                known = self._journals.read(experiment.namespace, source["name"])
                past = self._journals.past(known) if known.uid == source["uid"] else ()
                found += [t for t in past if t.number < source["trials"] and t.state.finished]
            except NotFound:
                continue  # deleted since
        return found

    def _reconcile(self, experiment: Experiment) -> None:
        launched = [(t, c) for t in _due(experiment) if (c := self._launched(experiment, t))]
        if launched:
            experiment = self._launches_recorded(experiment, launched)
        if experiment.over or any(_ends_early(t) for t in experiment.trials.values()):
            self._stop_unwanted(experiment.namespace, experiment.name)
        if experiment.state == DELETED:
            self._markers.forget(experiment)

    def _launches_recorded(
        self, experiment: Experiment, launched: list[tuple[Trial, Command]]
    ) -> Experiment:
        journal = self._journals.of(experiment.namespace, experiment.name)
        happened = [command for _, command in launched]
        try:
            after = journal.commit(*happened, uid=experiment.uid)
        except NotFound:
            # Deleted meanwhile, and whoever stopped its runs may have come before these.
            self._stop(run_of(experiment, trial.number, trial.attempt) for trial, _ in launched)
            raise
        if any(isinstance(command, commands.Finish) for command in happened):
            self.follow(after)
        return after

    def _launched(self, experiment: Experiment, trial: Trial) -> Command | None:
        """Launch the trial's run; what happened, or None if it has to wait."""
        run = run_of(experiment, trial.number, trial.attempt)
        try:
            checkpoint_url = self._checkpoints.url(run, trial.parent)
        except TuneletError as fault:
            # Whatever the store refuses is no verdict on the trial.
            log.warning("trial %s waits for its checkpoint: %s", run.name, fault)
            return None
        try:
            self._launcher.launch(
                resolve(
                    experiment.spec,
                    run,
                    trial.hyperparameters,
                    api_url=self._api_url,
                    token=self._tokens.issue(run),
                    checkpoint_url=checkpoint_url,
                    traceparent=tracing.current(),
                )
            )
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
        return commands.Start(trial.number, trial.attempt)

    def _observed(self, experiment: Experiment, trial: Trial) -> list[Command]:
        number, attempt = trial.number, trial.attempt
        try:
            seen = self._launcher.observe(run_of(experiment, number, attempt))
        except Retry as fault:
            log.warning("trial %d of %s cannot be seen: %s", number, experiment.name, fault)
            return []
        except Exception:
            # One run's fault must not hide the others.
            where = {"experiment": experiment.name}
            log.exception("trial %d cannot be seen", number, extra=where)
            return []
        if seen.waiting:
            log.info("trial %d of %s waits: %s", number, experiment.name, seen.waiting)
        if seen.phase is Phase.ABSENT:
            if trial.started_at is None:
                return []  # not launched yet
            gone = Outcome(Verdict.LOST, reason="nothing is left of the run")
            return [commands.Finish(number, attempt, gone)]
        news = _news(trial, seen.reports)
        if seen.outcome is not None:
            return [commands.Finish(number, attempt, seen.outcome, news)]
        started = [] if trial.started_at is not None else [commands.Start(number, attempt)]
        return [*started, commands.Record(number, attempt, news)] if news else [*started]

    def _stop_unwanted(self, namespace: str, name: str) -> None:
        """Look at the runs first: of each, the state read afterwards knows the reservation."""
        runs = self._launcher.active(namespace, name)
        experiment = self._journals.of(namespace, name).peek() if runs else None
        if experiment is not None:
            self._stop(run for run in runs if not self._may_go_on(experiment, run))

    def _stop(self, runs: Iterable[Run]) -> None:
        """Stop them all; raises `Retry` behind the last if any could not be stopped."""
        left: list[Retry] = []
        for run in runs:
            try:
                self._launcher.stop(run)
            except Retry as fault:
                left.append(fault)
        if left:
            raise left[0]

    def _may_go_on(self, experiment: Experiment, run: Run) -> bool:
        if run.uid != experiment.uid or experiment.state == DELETED:
            return False
        if wanted(experiment, run.number, run.attempt):
            return True
        trial = experiment.trials.get(run.number)
        if trial is None and run.number < experiment.next_number:
            trial = next(self._journals.trials(*run[:2], after=run.number - 1), None)
        if trial is None or trial.cancelled or trial.finished_at is None:
            return False
        until = trial.finished_at + _grace(experiment, trial)
        return trial.attempt == run.attempt and self._journals.clock() < until


def _ends_early(trial: Trial) -> bool:
    """Its end is not the training's own, so that a run of it may be left."""
    return trial.cancelled or trial.state is TrialState.PRUNED


def _grace(experiment: Experiment, trial: Trial) -> float:
    """For how many seconds after its trial's end a run may go on, to save what it has."""
    if trial.state is not TrialState.PRUNED:
        return GRACE
    hears = experiment.spec["metrics"]["source"] == "push"
    return GRACE_TOLD if hears else 0.0


def _numbered(first: int, each: Sequence[T | None]) -> dict[int, T]:
    return {first + place: one for place, one in enumerate(each) if one is not None}


def run_of(experiment: Experiment, number: int, attempt: int) -> Run:
    return Run(experiment.namespace, experiment.name, experiment.uid, number, attempt)


def wanted(experiment: Experiment, number: int, attempt: int) -> bool:
    """The attempt is the one that its trial is at, and the trial has not ended."""
    trial = experiment.trials.get(number)
    return trial is not None and not trial.state.finished and trial.attempt == attempt


def _needs(experiment: Experiment) -> list[str]:
    """The topics on which the state calls for action."""
    if experiment.over:
        return [LAUNCH, FINISHED]
    due = [LAUNCH] if _due(experiment) else []
    return [*due, *([SUGGEST] if experiment.room > 0 else [])]


def _due(experiment: Experiment) -> list[Trial]:
    """Trials whose runs are to be launched now: none in a pause, nor beyond a smaller budget."""
    if experiment.state != RUNNING:
        return []
    reserved = [t for t in experiment.live if t.reserved and t.started_at is None]
    free = experiment.terms.parallel_trials - (experiment.active - len(reserved))
    return reserved[: max(0, free)]


def _news(trial: Trial, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """Reports with values that the trial's present attempt has not recorded."""
    known = {r.step: r.values.keys() for r in trial.reports if r.attempt == trial.attempt}
    return tuple(r for r in reports if not r.values.keys() <= known.get(r.step, set()))
