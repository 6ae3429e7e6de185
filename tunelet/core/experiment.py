"""The state of an experiment, folded from its log by `evolve`.

Pure: no clock, no I/O. An `Experiment` holds only the live part. Ended trials leave it when
a window of the log closes (`retire`), so that its size depends on `parallel_trials` and not on
the number of all trials (invariant I7).
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any

import msgspec
from msgspec.structs import force_setattr, replace

from tunelet.core import events, pareto
from tunelet.core.events import Event
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.fingerprint import of_enqueue, of_submit
from tunelet.core.members import Members
from tunelet.core.problem import Constraint, Objective
from tunelet.core.same_failure import Failures, followed
from tunelet.core.spec import Spec
from tunelet.core.trial import (
    Changes,
    Chosen,
    Number,
    Report,
    Trial,
    TrialState,
    newest,
)

KEYS_KEPT = 1000
"""The most idempotency keys that an experiment remembers. The oldest are dropped first."""


class Terms(msgspec.Struct, frozen=True):
    """The part of the spec that decisions need, with the spec's own names."""

    objectives: tuple[Objective, ...]
    max_trials: int
    parallel_trials: int
    max_attempts: int
    max_failed_trials: int | None = None
    give_up_after: int | None = None
    max_seconds: float | None = None
    max_cost: float | None = None
    cost_per_hour: float | None = None
    stall_seconds: float | None = None
    constraints: tuple[Constraint, ...] = ()

    @property
    def named(self) -> frozenset[str]:
        """The metrics that the objectives and constraints name."""
        objectives = (objective.metric for objective in self.objectives)
        return frozenset((*objectives, *(constraint.metric for constraint in self.constraints)))


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trials that have ended, by state."""

    complete: int = 0
    pruned: int = 0
    fail: int = 0
    stopped: int = 0
    cancelled: int | msgspec.UnsetType = msgspec.UNSET
    """Read only: older versions wrote here how many of `fail` are `stopped`."""

    def __post_init__(self) -> None:
        if self.cancelled is not msgspec.UNSET:
            force_setattr(self, "fail", self.fail - self.cancelled)
            force_setattr(self, "stopped", self.stopped + self.cancelled)
            force_setattr(self, "cancelled", msgspec.UNSET)


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One experiment. Times are seconds since the epoch."""

    namespace: str
    name: str
    uid: str
    spec: dict[str, Any]
    terms: Terms
    state: ExperimentState
    submitted_at: float
    running_since: float | None
    """When the clock of `max_seconds` was last started; None while the clock is stopped."""
    seconds: float = 0.0
    """The seconds on that clock when it was last stopped."""
    reason: str | None = None
    ended_at: float | None = None
    epoch: int = 0
    """How often it was resumed or extended after an end, or deleted."""
    next_number: int = 0
    """The next trial's number, and so the number of trials."""
    trials: dict[int, Trial] = {}
    """Live trials, and those that ended since the window began."""
    ended: Counts = Counts()
    best: tuple[Trial, ...] = ()
    """The best trial that meets the constraints; with several objectives, the Pareto front.

    It is COMPLETE, or STOPPED if the time or the money was spent (`TrialEnded.eligible`)."""
    failures: Failures = Failures()
    """Failures in a row that are alike, since the experiment began or was resumed. Only counted
    with `give_up_after`."""
    trial_seconds: float = 0.0
    """The running time of all ended attempts, in seconds."""
    exhausted: bool = False
    memory: Any = None
    keys: dict[str, tuple[int, ...]] = {}
    """The numbers of the trials that each idempotency key enqueued; none for the submit's key."""
    requests: dict[str, str] = {}
    """The fingerprint of the request, by its idempotency key."""
    by: str = ""
    """The installation that accepted the submission; empty: not known."""
    learnt: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    """See `space`. Absent from the snapshots of experiments with a declared space, so that older
    code reads those."""

    attributes: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    """Of a study: JSON that its users attached to it."""
    system: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    """Of a study: JSON that the callers' library keeps with it."""
    imported: int | msgspec.UnsetType = msgspec.UNSET
    """How many of the COMPLETE and PRUNED trials were made elsewhere; absent if none was."""
    members: Members | msgspec.UnsetType = msgspec.UNSET
    """Absent, as `learnt`, from experiments that no installation has joined."""

    @property
    def study(self) -> dict[str, Any] | None:
        """The study that it is: then its callers make its trials, and nothing is launched."""
        found: dict[str, Any] | None = self.spec.get("study")
        return found

    @property
    def shared(self) -> Members:
        """The members; without any, all slots are those of other installations."""
        if self.members is not msgspec.UNSET:
            return self.members
        return Members(others=self.terms.parallel_trials)

    @property
    def typed_spec(self) -> Spec:
        return Spec(self.spec)

    @property
    def space(self) -> dict[str, Any]:
        """The forms of the hyperparameters by name: declared, or chosen by the trials so far."""
        if self.learnt is not msgspec.UNSET:
            return self.learnt
        declared: dict[str, Any] = self.spec.get("hyperparameters", {})
        return declared

    @property
    def seed(self) -> int:
        """The seed of the algorithm: the spec's, else one that follows from the uid."""
        seed = self.typed_spec.seed
        return int(self.uid[:8], 16) if seed is None else int(seed)

    @property
    def for_workers(self) -> bool:
        """Whether workers ask for the trials, so that nothing is launched for them."""
        return bool(self.spec.get("model_training_code", {}).get("workers"))

    @property
    def over(self) -> bool:
        return self.state.over

    @property
    def live(self) -> list[Trial]:
        """Trials that have not ended, by number."""
        left = [trial for trial in self.trials.values() if trial.finished_at is None]
        return sorted(left, key=lambda trial: trial.number)

    @property
    def active(self) -> int:
        """How many slots of `parallel_trials` are taken."""
        return sum(trial.active for trial in self.trials.values())

    @property
    def hopeless(self) -> bool:
        """Whether enough trials failed alike, before any completed, that no new one may begin."""
        results = self.ended.complete + self.ended.pruned - (self.imported or 0)
        better = results or any(not trial.imported for trial in self.best)
        return not better and self.failures.reach(self.terms.give_up_after)

    @property
    def room(self) -> int:
        """How many trials an algorithm may suggest now."""
        if self.state is not ExperimentState.RUNNING or self.exhausted or self.hopeless:
            return 0
        if self.study is not None:
            return 0
        slots = self.terms.parallel_trials - len(self.live)
        return max(0, min(slots, self.terms.max_trials - self.next_number))

    @property
    def due(self) -> int | None:
        """When it is due for deletion, in milliseconds since 1970; None: never by itself."""
        kept = self.typed_spec.kept_seconds
        if kept is None or self.ended_at is None or self.state is ExperimentState.DELETED:
            return None
        return int((self.ended_at + kept) * 1000)

    @property
    def counts(self) -> dict[str, int]:
        """The number of trials in each state, by the API's names."""
        live = [trial.state for trial in self.live]
        return {
            "waiting": live.count(TrialState.WAITING),
            "running": live.count(TrialState.RUNNING),
            "complete": self.ended.complete,
            "pruned": self.ended.pruned,
            "failed": self.ended.fail,
            "stopped": self.ended.stopped,
        }

    def left(self, installation: str) -> int:
        """Return how many slots are left of those that this installation may take.

        Without members it may take all.
        """
        if not self.shared.slots:
            return self.terms.parallel_trials
        owners = [trial.by for trial in self.trials.values() if trial.active]
        return self.shared.left(installation, owners)

    def elapsed(self, now: float) -> float:
        """Return the seconds on the clock of `max_seconds`."""
        return self.seconds + (now - self.running_since if self.running_since is not None else 0.0)

    def cost(self, now: float) -> float:
        """Return the cost of all trials so far, in units of `cost_per_hour`."""
        running = sum(now - t.started_at for t in self.live if t.started_at is not None)
        return (self.trial_seconds + running) / 3600 * (self.terms.cost_per_hour or 0.0)


def unreadable(namespace: str, name: str, reason: str) -> Experiment:
    """Make a placeholder for an experiment with an unreadable log, for use in listings."""
    code = {"image": "unknown", "command": [], "args": [], "env": {}, "resources": {}}
    return Experiment(
        namespace=namespace,
        name=name,
        uid="",
        spec={
            "name": name,
            "namespace": namespace,
            "model_training_code": code,
            "hyperparameters": {},
            "hpo_algorithm": {"name": "unknown", "settings": {}},
            "objectives": [],
            "max_trials": 0,
            "parallel_trials": 0,
        },
        terms=Terms(objectives=(), max_trials=0, parallel_trials=0, max_attempts=0),
        state=ExperimentState.DAMAGED,
        submitted_at=0.0,
        running_since=None,
        reason=reason,
    )


def evolve(experiment: Experiment | None, event: Event) -> Experiment:
    """Return the state after `event`. Total: it folds every event that a log may hold."""
    if isinstance(event, events.Submitted):
        return _submitted(event)
    if experiment is None:
        raise ValueError(f"a log cannot begin with {type(event).__name__}")
    match event:
        case events.TrialsCreated():
            return _created(experiment, event)
        case events.AttributesSet():
            return _with_attributes(experiment, event)
        case events.Extended(changes=changes):
            return _extended(experiment, changes)
        case events.MemberJoined(member=member, slots=slots, others=others):
            return _joined(experiment, experiment.shared.joined(member, slots, others))
        case events.MemberLeft(member=member):
            return _joined(experiment, experiment.shared.without(member))
        case events.Paused(at=at):
            return _stop_clock(experiment, at, state=ExperimentState.PAUSED)
        case events.Resumed(at=at):
            return _resumed(experiment, at)
        case events.Ended(state=state, reason=reason, at=at):
            return _stop_clock(experiment, at, state=state, reason=reason, ended_at=at)
        case events.Deleted(at=at):
            return _deleted(experiment, at)
        case _:
            return _of_trial(experiment, event)


def evolve_all(experiment: Experiment | None, happened: Iterable[Event]) -> Experiment | None:
    for event in happened:
        experiment = evolve(experiment, event)
    return experiment


def retire(experiment: Experiment) -> tuple[Experiment, tuple[Trial, ...]]:
    """Take the ended trials out of the state; returns both, the trials sorted by number."""
    done = [t for t in experiment.trials.values() if t.state.finished]
    live = {n: t for n, t in experiment.trials.items() if not t.state.finished}
    done.sort(key=lambda t: t.number)
    return (replace(experiment, trials=live) if done else experiment), tuple(done)


def _submitted(event: events.Submitted) -> Experiment:
    spec = Spec(event.spec)
    return Experiment(
        namespace=spec.namespace,
        name=spec.name,
        uid=event.uid,
        spec=event.spec,
        terms=msgspec.convert(event.spec, Terms),
        state=ExperimentState.RUNNING,
        submitted_at=event.at,
        running_since=event.at,
        keys={event.key: ()} if event.key else {},
        requests={event.key: of_submit(event.spec)} if event.key else {},
        by=event.by,
    )


def _created(experiment: Experiment, event: events.TrialsCreated) -> Experiment:
    numbers = range(event.first, event.first + len(event.assignments))
    new = {
        n: Trial(
            number=n,
            hyperparameters=assignment,
            created_at=event.at,
            enqueued=event.enqueued,
            reserved=event.reserved,
            note=event.notes.get(n),
            parent=event.parents.get(n),
            by=event.by,
            user_note=event.user_note,
            imported=bool(event.imported),
        )
        for n, assignment in zip(numbers, event.assignments, strict=True)
    }
    after = replace(
        experiment,
        trials=experiment.trials | new,
        next_number=event.first + len(new),
        exhausted=experiment.exhausted or event.exhausted,
        memory=experiment.memory if event.memory is None else event.memory,
    )
    return after if event.key is None else _remember(after, event.key, event)


def _remember(experiment: Experiment, key: str, event: events.TrialsCreated) -> Experiment:
    last = experiment.next_number
    numbers = tuple(range(last - len(event.assignments), last))
    keys = {**experiment.keys, key: numbers}
    asked = event.imported or of_enqueue(event.assignments, event.user_note)
    requests = {**experiment.requests, key: asked}
    for oldest in list(islice(keys, max(0, len(keys) - KEYS_KEPT))):
        del keys[oldest]
        requests.pop(oldest, None)
    return replace(experiment, keys=keys, requests=requests)


def _with_attributes(experiment: Experiment, event: events.AttributesSet) -> Experiment:
    attributes = {**(experiment.attributes or {}), **event.attributes}
    system = {**(experiment.system or {}), **event.system}
    return replace(experiment, attributes=attributes, system=system)


def _extended(experiment: Experiment, changes: dict[str, Any]) -> Experiment:
    """Change the spec. A changed algorithm starts without the memory of the one before."""
    after = _respecified(experiment, changes)
    spec = after.spec
    if experiment.members is not msgspec.UNSET and "parallel_trials" in changes:
        members = experiment.members.extended(changes["parallel_trials"])
        after = replace(after, members=members)
    if not after.terms.give_up_after:
        after = replace(after, failures=Failures())
    if spec.get("hpo_algorithm") == experiment.spec.get("hpo_algorithm"):
        return after
    return replace(after, memory=None, exhausted=False)


def _respecified(experiment: Experiment, changes: dict[str, Any]) -> Experiment:
    spec = experiment.spec | changes
    return replace(experiment, spec=spec, terms=msgspec.convert(spec, Terms))


def _joined(experiment: Experiment, members: Members) -> Experiment:
    """Set the members and the slots in all. Those of the last one that leaves are for any."""
    after = replace(experiment, members=members)
    if not members.slots:
        return after
    return _respecified(after, {"parallel_trials": members.parallel})


def _stop_clock(experiment: Experiment, at: float, **changes: Any) -> Experiment:
    return replace(experiment, seconds=experiment.elapsed(at), running_since=None, **changes)


def _deleted(experiment: Experiment, at: float) -> Experiment:
    return _stop_clock(
        experiment,
        at,
        state=ExperimentState.DELETED,
        ended_at=at,
        epoch=experiment.epoch + 1,
        trials={},
        best=(),
    )


def _resumed(experiment: Experiment, at: float) -> Experiment:
    return replace(
        experiment,
        state=ExperimentState.RUNNING,
        reason=None,
        ended_at=None,
        running_since=at,
        epoch=experiment.epoch + experiment.over,
        failures=Failures() if experiment.over else experiment.failures,
        members=_resumed_members(experiment),
    )


def _resumed_members(experiment: Experiment) -> Members | msgspec.UnsetType:
    """All members leave at the end of the experiment."""
    if experiment.members is msgspec.UNSET or not experiment.over:
        return experiment.members
    return replace(experiment.members, slots={})


def _of_trial(
    experiment: Experiment,
    event: (
        events.AttemptReserved
        | events.AttemptStarted
        | events.Reported
        | events.Assigned
        | events.TrialChanged
        | events.AttemptLost
        | events.TrialEnded
    ),
) -> Experiment:
    before = experiment.trials[event.number]
    match event:
        case events.AttemptReserved(by=by):
            trial = replace(before, reserved=True, by=by)
        case events.AttemptStarted(at=at, by=by):
            trial = replace(before, state=TrialState.RUNNING, started_at=at, by=by or before.by)
        case events.Reported(reports=reports, at=at):
            trial = replace(_reported(before, reports), reported_at=at)
        case events.Assigned(chosen=chosen):
            trial = _with_choice(before, chosen)
        case events.TrialChanged(changes=changes, by=by, revision=revision):
            trial = changed(before, changes)
            trial = replace(trial, revisions={**trial.revisions, by: revision})
        case events.AttemptLost():
            trial = _lost(before, event)
        case events.TrialEnded():
            trial = _ended(before, event)
    after = replace(experiment, trials={**experiment.trials, trial.number: trial})
    if isinstance(event, events.Assigned):
        return replace(after, learnt=after.space | event.chosen.space)
    if isinstance(event, events.TrialChanged):
        return replace(after, learnt=after.space | event.changes.space)
    if isinstance(event, events.AttemptLost | events.TrialEnded):
        spent = after.trial_seconds + trial.seconds - before.seconds
        after = replace(after, trial_seconds=spent)
    if not isinstance(event, events.TrialEnded):
        return after
    return _with_best(_counted(after, trial), trial, event.eligible)


def chosen_by(trial: Trial) -> Chosen:
    """Return what the trial's present attempt has chosen while it ran."""
    return Chosen(trial.hyperparameters, trial.space, trial.attributes, trial.note)


def _with_choice(trial: Trial, chosen: Chosen) -> Trial:
    return replace(
        trial,
        hyperparameters=chosen.hyperparameters,
        space=chosen.space,
        attributes=chosen.attributes,
        note=chosen.note,
    )


def changed(trial: Trial, changes: Changes) -> Trial:
    """Return the trial of a study with the changes, whose reports replace those of their steps."""
    if changes.reports:
        trial = _replaced(trial, changes.reports)
    return replace(
        trial,
        hyperparameters={**trial.hyperparameters, **changes.hyperparameters},
        space={**trial.space, **changes.space},
        attributes={**trial.attributes, **changes.attributes},
        system={**trial.system, **changes.system},
    )


def _replaced(trial: Trial, reports: tuple[Report, ...]) -> Trial:
    if _all_later(trial.reports, reports):
        kept = (*trial.reports, *reports)
    else:
        steps = {report.step: report for report in (*trial.reports, *reports)}
        kept = tuple(sorted(steps.values(), key=_step))
    return replace(trial, reports=kept, values=newest(kept[-1:]))


def _reported(trial: Trial, reports: tuple[Report, ...]) -> Trial:
    """Add reports. The first value of an attempt and step stays; a later attempt's replaces it."""
    if _all_later(trial.reports, reports):
        values = trial.values | newest(reports)
        return replace(trial, reports=(*trial.reports, *reports), values=values)
    ordered = list(trial.reports)
    for new in reports:
        place = bisect_left(ordered, new.step, key=_step)
        old = ordered[place] if place < len(ordered) and ordered[place].step == new.step else None
        if old is None:
            ordered.insert(place, new)
        elif old.attempt == new.attempt:
            ordered[place] = replace(new, values={**new.values, **old.values})
        else:
            ordered[place] = new
    metrics = list(dict.fromkeys(metric for report in reports for metric in report.values))
    own = trial.values | _last(ordered, trial.attempt, metrics)
    return replace(trial, reports=tuple(ordered), values=own)


def _last(ordered: list[Report], attempt: int, metrics: list[str]) -> dict[str, Number]:
    """Return the attempt's value of each metric at its highest step, in the order of `metrics`.

    Usually the last report has them all.
    """
    found: dict[str, Number] = {}
    own = [report for report in ordered if report.attempt == attempt]
    for report in reversed(own):
        found = report.values | found
        if found.keys() >= set(metrics):
            break
    return {metric: found[metric] for metric in metrics if metric in found}


def _step(report: Report) -> int:
    return report.step


def _all_later(old: tuple[Report, ...], new: tuple[Report, ...]) -> bool:
    """Whether the new reports are in order and after all earlier ones: the usual case."""
    return all(a.step < b.step for a, b in pairwise((*old[-1:], *new)))


def _lost(trial: Trial, event: events.AttemptLost) -> Trial:
    if trial.space:
        # The next attempt chooses again.
        trial = _with_choice(trial, Chosen({}))
    return replace(
        trial,
        state=TrialState.WAITING,
        attempt=trial.attempt + 1,
        reserved=False,
        by="",
        started_at=None,
        reported_at=None,
        values={},
        seconds=_seconds(trial, event.at),
        reason=event.reason,
        uncounted=trial.uncounted + (not event.counted),
        delay=event.delay,
        not_before=None if event.delay is None else event.at + event.delay,
    )


def _ended(trial: Trial, event: events.TrialEnded) -> Trial:
    counted = trial.measured if event.own or trial.attempt == 1 else newest(trial.reports)
    if event.exact:
        counted = {}
    return replace(
        trial,
        by=event.by or trial.by,
        revisions={},
        state=event.state,
        reserved=False,
        delay=None,
        reported_at=None,
        not_before=None,
        finished_at=event.at,
        seconds=_seconds(trial, event.at),
        values=counted | event.values,
        reason=event.reason,
        lost=event.lost,
        exit_code=event.exit_code,
        log_tail=event.log_tail,
    )


def _seconds(trial: Trial, at: float) -> float:
    return trial.seconds + (at - trial.started_at if trial.started_at is not None else 0.0)


def _counted(experiment: Experiment, trial: Trial) -> Experiment:
    c = experiment.ended
    ended = Counts(
        complete=c.complete + (trial.state is TrialState.COMPLETE),
        pruned=c.pruned + (trial.state is TrialState.PRUNED),
        fail=c.fail + (trial.state is TrialState.FAIL),
        stopped=c.stopped + (trial.state is TrialState.STOPPED),
    )
    failures = experiment.failures
    if trial.state is TrialState.FAIL and experiment.terms.give_up_after and not trial.imported:
        failures = followed(failures, trial, experiment.spec)
    after = replace(experiment, ended=ended, failures=failures)
    if not trial.imported or trial.state is TrialState.FAIL:
        return after
    return replace(after, imported=(experiment.imported or 0) + 1)


def _with_best(experiment: Experiment, trial: Trial, eligible: bool) -> Experiment:
    """Update the best: a STOPPED trial counts if `eligible`; a COMPLETE one is checked here."""
    terms = experiment.terms
    if trial.state is TrialState.COMPLETE:
        eligible = pareto.feasible(terms.constraints, trial.values)
    if not eligible:
        return experiment
    return replace(experiment, best=pareto.joined(terms.objectives, experiment.best, trial))
