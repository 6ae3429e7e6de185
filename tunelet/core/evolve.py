"""The fold of the log: each event changes the state of an experiment. Pure: no clock, no I/O.

When a window of the log closes, `retire` takes the ended trials out of the state.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from tunelet.core import events, pareto
from tunelet.core.events import Event
from tunelet.core.evolve_trial import changed, ended, lost, reported, with_choice
from tunelet.core.experiment import KEYS_KEPT, Counts, Experiment, Terms
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.fingerprint import of_enqueue, of_retry, of_submit
from tunelet.core.members import Members
from tunelet.core.same_failure import Failures, followed
from tunelet.core.spec import Spec
from tunelet.core.trial import (
    Trial,
    TrialState,
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
        case events.AttributesSet() | events.NoteSet():
            return _described(experiment, event)
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
            retry_of=event.retry_of,
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
    if event.retry_of is not None:
        asked = of_retry(event.retry_of, event.assignments[0])
    else:
        asked = event.imported or of_enqueue(event.assignments, event.user_note)
    return _with_key(experiment, key, numbers, asked)


def _with_key(experiment: Experiment, key: str, numbers: tuple[int, ...], asked: str) -> Experiment:
    keys = {**experiment.keys, key: numbers}
    requests = {**experiment.requests, key: asked}
    for oldest in list(islice(keys, max(0, len(keys) - KEYS_KEPT))):
        del keys[oldest]
        requests.pop(oldest, None)
    return replace(experiment, keys=keys, requests=requests)


def _described(experiment: Experiment, event: events.AttributesSet | events.NoteSet) -> Experiment:
    if isinstance(event, events.AttributesSet):
        return _with_attributes(experiment, event)
    return _noted(experiment, event.note, event.number)


def _with_attributes(experiment: Experiment, event: events.AttributesSet) -> Experiment:
    attributes = {**(experiment.attributes or {}), **event.attributes}
    system = {**(experiment.system or {}), **event.system}
    after = replace(experiment, attributes=attributes, system=system)
    return after if event.key is None else _with_key(after, event.key, (), "")


def _noted(experiment: Experiment, note: str, number: int | None) -> Experiment:
    if number is None:
        return replace(experiment, note=note)
    return replace(experiment, notes={**experiment.notes_on_trials, number: note})


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
            trial = replace(reported(before, reports), reported_at=at)
        case events.Assigned(chosen=chosen):
            trial = with_choice(before, chosen)
        case events.TrialChanged(changes=changes, by=by, revision=revision):
            trial = changed(before, changes)
            trial = replace(trial, revisions={**trial.revisions, by: revision})
        case events.AttemptLost():
            trial = lost(before, event)
        case events.TrialEnded():
            trial = ended(before, event)
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
