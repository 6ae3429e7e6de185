"""What a command does to a study: an experiment whose callers make, take and end its trials. Pure.

No slots are reserved and nothing is launched. A trial's `by` names the caller that has it, or that
ended it; so each of many callers learns from the state after its command whether it was the one.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from tunelet.core import commands, ends, events
from tunelet.core.events import Event
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.trial import Changes, Report, Trial, TrialState
from tunelet.errors import Conflict, NotFound
from tunelet.text.limits import STEPS

Command = (
    commands.CreateTrial
    | commands.TakeTrial
    | commands.ChangeTrial
    | commands.EndTrial
    | commands.SetAttributes
)
Events = tuple[Event, ...]


def decide(experiment: Experiment, command: Command, now: float) -> Events:
    """Return the events that follow from `command`; none if it would change nothing.

    Raises `NotFound` if the trial does not exist, and `Conflict` if the experiment is no study, if
    it takes no new trial, or if the trial would have too many reports.
    """
    if experiment.study is None:
        raise Conflict(f"experiment {experiment.name!r} is not a study: it makes its own trials")
    happened = _decided(experiment, command, now)
    if not command.actor:
        return happened
    return tuple(_by(event, command.actor) for event in happened)


def _by(event: Event, actor: str) -> Event:
    """Return the event with its actor, if it has one."""
    return replace(event, actor=actor) if "actor" in event.__struct_fields__ else event


def _decided(experiment: Experiment, command: Command, now: float) -> Events:
    match command:
        case commands.CreateTrial():
            return _create(experiment, command, now)
        case commands.TakeTrial(number=n, by=by):
            return _take(_unfinished(experiment, n), by, now)
        case commands.ChangeTrial(number=n):
            return _change(_unfinished(experiment, n), command)
        case commands.EndTrial(number=n):
            return _end(_unfinished(experiment, n), command, now)
        case commands.SetAttributes(attributes=attributes, system=system, key=key):
            if key in experiment.keys:
                return ()
            return (events.AttributesSet(attributes=attributes, system=system, key=key),)


def _create(experiment: Experiment, command: commands.CreateTrial, now: float) -> Events:
    if command.key in experiment.keys:
        return ()
    _refuse_new(experiment)
    n = experiment.next_number
    notes = {} if command.note is None else {n: command.note}
    waits = command.state is TrialState.WAITING
    created = events.TrialsCreated(
        first=n,
        assignments=({},),
        at=now,
        enqueued=waits,
        key=command.key,
        notes=notes,
        by="" if waits else command.by,
    )
    return (created, *_contents(n, command, now))


def _contents(n: int, command: commands.CreateTrial, now: float) -> Iterable[Event]:
    """Yield what makes a new trial one of the command's state."""
    if command.changes:
        yield _changed(n, 1, command.changes, command.by, 0)
    if command.state is TrialState.WAITING:
        return
    running = command.state is TrialState.RUNNING
    started = now if command.started_at is None and running else command.started_at
    if started is not None:
        yield events.AttemptStarted(number=n, attempt=1, at=started)
    if not running:
        finished = now if command.finished_at is None else command.finished_at
        yield events.TrialEnded(
            number=n,
            attempt=1,
            state=command.state,
            at=finished,
            values=command.values,
            exact=True,
        )


def _refuse_new(experiment: Experiment) -> None:
    name, most = experiment.name, experiment.terms.max_trials
    if experiment.over:
        raise Conflict(f"experiment {name!r} has ended ({experiment.reason}); resume it first")
    if experiment.state is ExperimentState.PAUSED:
        raise Conflict(f"experiment {name!r} is paused; resume it first")
    if experiment.next_number >= most:
        raise Conflict(f"experiment {name!r} has {most} trials, the most of a study; begin another")


def _unfinished(experiment: Experiment, n: int) -> Trial | None:
    if not 0 <= n < experiment.next_number:
        raise NotFound(f"experiment {experiment.name!r} has no trial {n}")
    trial = experiment.trials.get(n)
    return None if trial is None or trial.state.finished else trial


def _take(trial: Trial | None, by: str, now: float) -> Events:
    if trial is None or trial.state is not TrialState.WAITING:
        return ()
    started = events.AttemptStarted(number=trial.number, attempt=trial.attempt, at=now, by=by)
    return (started,)


def _change(trial: Trial | None, command: commands.ChangeTrial) -> Events:
    if trial is None or command.revision <= trial.revisions.get(command.by, -1):
        return ()
    _refuse_more(trial, command.changes.reports)
    return (_changed(trial.number, trial.attempt, command.changes, command.by, command.revision),)


def _changed(n: int, attempt: int, changes: Changes, by: str, revision: int) -> Event:
    return events.TrialChanged(number=n, attempt=attempt, changes=changes, by=by, revision=revision)


def _refuse_more(trial: Trial, reports: tuple[Report, ...]) -> None:
    if len(trial.reports) + len(reports) <= STEPS:
        return
    known = {report.step for report in trial.reports}
    if len(known | {report.step for report in reports}) > STEPS:
        raise Conflict(f"trial {trial.number} has reports at {STEPS} steps; report at fewer steps")


def _end(trial: Trial | None, command: commands.EndTrial, now: float) -> Events:
    if trial is None:
        return ()
    ended = events.TrialEnded(
        number=trial.number,
        attempt=trial.attempt,
        state=command.state,
        at=ends.later(now, trial.started_at),
        values=command.values,
        exact=True,
        by=command.by,
    )
    if not command.changes:
        return (ended,)
    _refuse_more(trial, command.changes.reports)
    return (_changed(trial.number, trial.attempt, command.changes, command.by, 0), ended)
