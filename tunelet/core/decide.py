"""Decide: (state, command, now) -> events. Pure. Raises if the state does not allow the command.

The consequences of a command are in the same log entry: the experiment's end if it is due
(`tunelet.core.ends` has the order), else slots for the trials that wait.
"""

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from tunelet.core import commands, ends, events, imports, intervention, study
from tunelet.core.clock import set_back
from tunelet.core.commands import Command
from tunelet.core.delay import following
from tunelet.core.events import Event
from tunelet.core.evolve import evolve_all
from tunelet.core.evolve_trial import chosen_by
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.fingerprint import of_enqueue, of_submit
from tunelet.core.imports import extended_by
from tunelet.core.installation import ANY, Installation
from tunelet.core.report_limits import news
from tunelet.core.trial import (
    Chosen,
    Number,
    Outcome,
    Report,
    Trial,
    TrialState,
    Verdict,
    number,
    plain,
)
from tunelet.errors import Conflict, NotFound, Retry
from tunelet.text.limits import STEPS

T = TypeVar("T")
Events = tuple[Event, ...]
_OfAttempt = commands.Start | commands.Record | commands.Assign | commands.Finish | commands.Stall

CHANGEABLE = frozenset(
    {
        *("max_trials", "parallel_trials", "max_failed_trials", "max_seconds", "max_cost"),
        "give_up_after",
        *("hpo_algorithm", "early_stopping", "labels", "ttl_seconds_after_finished"),
    }
)
"""Fields of the spec that `Extend` may change."""

_ASIDE = frozenset({"labels", "ttl_seconds_after_finished"})
"""Changes of only these do not make an ended experiment continue."""


def decide(
    experiment: Experiment | None, command: Command, now: float, by: Installation = ANY
) -> Events:
    """Return the events that follow from `command`; none if it would change nothing.

    Slots that become free go to `by`, the installation that sends the command.
    Raises `NotFound` if the experiment or trial does not exist, `Conflict` if the present state
    does not allow the command, and `Retry` if the command was prepared for another state.
    """
    direct = _direct(experiment, command, now, by)
    after = evolve_all(experiment, direct)
    return direct if after is None else direct + _consequences(after, now, by)


def _direct(
    experiment: Experiment | None, command: Command, now: float, by: Installation
) -> Events:
    if isinstance(command, commands.Submit):
        return _submit(experiment, command, now, by)
    if experiment is None or experiment.state is ExperimentState.DELETED:
        raise NotFound("there is no such experiment")
    if isinstance(command, study.Command):
        return study.decide(experiment, command, now)
    if isinstance(command, intervention.Command):
        return intervention.decide(experiment, command, now)
    return _of_existing(experiment, command, now, by)


def _of_existing(experiment: Experiment, command: Command, now: float, by: Installation) -> Events:
    match command:
        case commands.AddTrials():
            return _add(experiment, command, now, by)
        case commands.Enqueue():
            return _enqueue(experiment, command, now)
        case commands.Import():
            return imports.decide(experiment, command, now)
        case commands.Ask():
            return _ask(experiment, command, now)
        case (
            commands.Start()
            | commands.Record()
            | commands.Assign()
            | commands.Finish()
            | commands.Stall()
        ):
            return _of_attempt(experiment, command, now)
        case commands.Tick():
            return () if experiment.over else set_back(experiment, now)
        case commands.Delete(epoch=epoch, actor=actor):
            at = ends.later(now, experiment.running_since)
            return _in_next_epoch(experiment, epoch, events.Deleted(at=at, actor=actor))
        case commands.Expire(epoch=epoch):
            due = experiment.due if experiment.epoch == epoch else None
            return () if due is None or due > now * 1000 else (events.Deleted(at=now),)
        case _:
            return _control(experiment, command, now)


def _submit(
    experiment: Experiment | None, command: commands.Submit, now: float, by: Installation
) -> Events:
    submitted = events.Submitted(
        uid=command.uid,
        spec=command.spec,
        at=now,
        key=command.key,
        by=by.id,
        actor=command.actor,
    )
    if experiment is None or experiment.state is ExperimentState.DELETED:
        return (submitted, *_founded(command.spec, now, by))
    if command.key is None or command.key not in experiment.keys:
        raise Conflict(
            f"an experiment named {experiment.name!r} exists in namespace "
            f"{experiment.namespace!r}; choose another name or delete it first"
        )
    if experiment.requests.get(command.key) != of_submit(command.spec):
        raise Conflict(f"the Idempotency-Key {command.key!r} was used for another request")
    return ()


def _founded(spec: dict[str, Any], now: float, by: Installation) -> Events:
    """Return the first member and the first trials of a new experiment, if it has any."""
    slots = spec["parallel_trials"] if by.places is None else by.places
    member = (events.MemberJoined(member=by.id, slots=slots),) if by.joins else ()
    if not spec["enqueue"]:
        return member
    given = tuple(spec["enqueue"])
    return (*member, events.TrialsCreated(first=0, assignments=given, at=now, enqueued=True))


def _join(experiment: Experiment, member: str, slots: int) -> Events:
    members = experiment.shared
    if experiment.over or members.slots.get(member) == slots:
        return ()
    return (events.MemberJoined(member=member, slots=slots, others=members.others),)


def _leave(experiment: Experiment, member: str) -> Events:
    gone = member not in experiment.shared or experiment.over
    return () if gone else (events.MemberLeft(member=member),)


def _in_next_epoch(experiment: Experiment, announced: int | None, *what: Event) -> Events:
    """Return the events `what`, which begin a new epoch of the experiment.

    A sweep looks only at epochs that a live marker announces. `announced` is the epoch after which
    the caller has announced one; None: it did not need to. Raises `Retry` if the experiment is in
    another epoch by now, so that no epoch begins without a marker.
    """
    if announced not in (None, experiment.epoch):
        raise Retry(f"experiment {experiment.name!r} was taken up again meanwhile; send it again")
    return what


def _add(
    experiment: Experiment, command: commands.AddTrials, now: float, by: Installation
) -> Events:
    workers = experiment.for_workers
    reserved = not workers and not command.ahead
    if reserved:
        room = by.room(experiment)
    else:
        room = experiment.room if workers else experiment.room_ahead
    if command.first != experiment.next_number or room == 0:
        return ()
    if command.asked not in (None, experiment.spec.get("hpo_algorithm")):
        return ()
    chosen = command.assignments[:room]
    exhausted = command.exhausted and len(chosen) == len(command.assignments)
    if not chosen and not exhausted:
        return ()
    return (
        events.TrialsCreated(
            first=command.first,
            assignments=chosen,
            at=now,
            reserved=reserved,
            exhausted=exhausted,
            memory=command.memory,
            notes=_of(command.notes, command.first, len(chosen)),
            parents=_of(command.parents, command.first, len(chosen)),
            by=by.id if chosen and reserved else "",
        ),
    )


def _of(by_number: dict[int, T], first: int, count: int) -> dict[int, T]:
    return {n: each for n, each in by_number.items() if first <= n < first + count}


def _enqueue(experiment: Experiment, command: commands.Enqueue, now: float) -> Events:
    if command.key is not None and command.key in experiment.keys:
        if experiment.requests.get(command.key) != of_enqueue(
            command.assignments, command.user_note
        ):
            raise Conflict(f"the Idempotency-Key {command.key!r} was used for another request")
        return ()
    if experiment.over:
        raise Conflict(
            f"experiment {experiment.name!r} has ended ({experiment.reason}); extend it first"
        )
    left = experiment.terms.max_trials - experiment.next_number
    if len(command.assignments) > left:
        raise Conflict(
            f"{len(command.assignments)} trials do not fit: {left} of max_trials "
            f"{experiment.terms.max_trials} are left; raise max_trials first"
        )
    return (
        events.TrialsCreated(
            first=experiment.next_number,
            assignments=command.assignments,
            at=now,
            enqueued=True,
            key=command.key,
            user_note=command.user_note,
            actor=command.actor,
        ),
    )


def _current(experiment: Experiment, n: int, attempt: int) -> Trial | None:
    """Return the trial if this attempt is the present one and has not ended, else None."""
    if n >= experiment.next_number:
        raise NotFound(f"experiment {experiment.name!r} has no trial {n}")
    trial = experiment.trials.get(n)
    if trial is None or trial.state.finished or attempt < trial.attempt:
        return None
    if attempt > trial.attempt:
        raise Conflict(f"trial {n} has no attempt {attempt}; it is at attempt {trial.attempt}")
    return trial


def _of_attempt(
    experiment: Experiment,
    command: _OfAttempt,
    now: float,
) -> Events:
    match command:
        case commands.Start(number=n, attempt=attempt):
            return _start(experiment, n, attempt, now, command.at)
        case commands.Record(number=n, attempt=attempt, reports=reports, steps=steps):
            return _record(experiment, n, attempt, reports, now, steps)
        case commands.Assign(number=n, attempt=attempt, chosen=chosen):
            return _assign(experiment, n, attempt, chosen, now)
        case commands.Finish():
            return _finish(experiment, command, now)
        case commands.Stall():
            return _stall(experiment, command, now)


def _start(
    experiment: Experiment, n: int, attempt: int, now: float, at: float | None = None
) -> Events:
    trial = _current(experiment, n, attempt)
    if trial is None or trial.state is TrialState.RUNNING:
        return ()
    if not trial.reserved:
        raise Conflict(f"trial {n} waits for a slot: its attempt {attempt} cannot have started")
    began = now if at is None else min(now, max(at, trial.created_at))
    return (events.AttemptStarted(number=n, attempt=attempt, at=began),)


def _ask(experiment: Experiment, command: commands.Ask, now: float) -> Events:
    taker, actor = command.by, command.actor
    if not experiment.for_workers:
        raise Conflict(
            f"the trials of experiment {experiment.name!r} are launched for it; submit one with "
            'model_training_code {"workers": true} for workers'
        )
    if experiment.study is not None:
        raise Conflict(
            f"experiment {experiment.name!r} is a study of {experiment.typed_spec.algorithm.name}, "
            "which makes its trials; load the study there"
        )
    if any(trial.by == taker for trial in experiment.trials.values()):
        return ()
    free = experiment.terms.parallel_trials - experiment.active
    return tuple(
        event
        for trial in untaken(experiment)[: max(0, min(command.count, free))]
        for event in (
            events.AttemptReserved(number=trial.number, attempt=trial.attempt, by=taker),
            events.AttemptStarted(number=trial.number, attempt=trial.attempt, at=now, actor=actor),
        )
    )


def untaken(experiment: Experiment) -> list[Trial]:
    """Return the trials that wait for a slot and may begin, by number.

    None unless the experiment is RUNNING, and no new ones if all trials have failed alike so far.
    """
    if experiment.state is not ExperimentState.RUNNING:
        return []
    waiting = [trial for trial in experiment.live if not trial.active]
    return [trial for trial in waiting if trial.begun or not experiment.hopeless]


def _record(
    experiment: Experiment,
    n: int,
    attempt: int,
    reports: Iterable[Report],
    now: float,
    steps: int = STEPS,
) -> Events:
    trial = _current(experiment, n, attempt)
    if trial is None:
        return ()
    new = news(trial, attempt, reports, experiment.terms.named, steps).reports
    if not new:
        return ()
    at = None if experiment.terms.stall_seconds is None else now
    reported = events.Reported(number=n, attempt=attempt, reports=new, at=at)
    return (*_start(experiment, n, attempt, now), reported)


def _assign(experiment: Experiment, n: int, attempt: int, chosen: Chosen, now: float) -> Events:
    trial = _current(experiment, n, attempt)
    if trial is None or _json(chosen) == _json(chosen_by(trial)):
        return ()
    assigned = events.Assigned(number=n, attempt=attempt, chosen=chosen)
    return (*_start(experiment, n, attempt, now), assigned)


def _json(chosen: Chosen) -> bytes:
    """Encode for comparison: 1, 1.0 and True are equal in Python, but different choices."""
    return msgspec.json.encode(chosen, order="sorted")


def _finish(experiment: Experiment, command: commands.Finish, now: float) -> Events:
    n, attempt, outcome = command.number, command.attempt, command.outcome
    trial = _current(experiment, n, attempt)
    if trial is None:
        return ()
    recorded = _record(experiment, n, attempt, command.reports, now)
    after = evolve_all(experiment, recorded)
    assert after is not None
    outcome = _weighed(outcome)
    if outcome.verdict is Verdict.LOST and _tried_again(experiment, trial, outcome):
        return (*recorded, _lost(trial, outcome, now))
    return (*recorded, _end_of(experiment, after.trials[n], outcome, now))


def _stall(experiment: Experiment, command: commands.Stall, now: float) -> Events:
    trial = _current(experiment, command.number, command.attempt)
    limit = experiment.terms.stall_seconds
    if trial is None or limit is None or not trial.silent(limit, now, command.heard):
        return ()
    reason = f"the training printed and reported nothing for {limit:g} s (stall_seconds)"
    lost = Outcome(Verdict.LOST, reason=reason)
    return _finish(experiment, commands.Finish(trial.number, trial.attempt, lost), now)


def _tried_again(experiment: Experiment, trial: Trial, outcome: Outcome) -> bool:
    return not outcome.counted or trial.counted < experiment.terms.max_attempts


def _lost(trial: Trial, outcome: Outcome, now: float) -> events.AttemptLost:
    return events.AttemptLost(
        number=trial.number,
        attempt=trial.attempt,
        reason=outcome.reason or "the run was lost",
        at=ends.later(now, trial.started_at),
        delay=following(trial) if outcome.unbegun else None,
        counted=outcome.counted,
    )


def _weighed(outcome: Outcome) -> Outcome:
    """Return the outcome; LOST in place of COMPLETE if the values were not read to their end.

    Earlier reports do not help: the last value is missing, and they may be of any step.
    """
    if outcome.unread and outcome.verdict is Verdict.COMPLETE:
        return msgspec.structs.replace(outcome, verdict=Verdict.LOST)
    return outcome


def _end_of(
    experiment: Experiment, trial: Trial, outcome: Outcome, now: float
) -> events.TrialEnded:
    values = _stored(outcome.values)
    state, reason = _judge(experiment, trial, trial.measured | values, outcome)
    return events.TrialEnded(
        number=trial.number,
        attempt=trial.attempt,
        state=state,
        at=ends.later(now, trial.started_at),
        values=values,
        reason=reason,
        lost=outcome.verdict is Verdict.LOST,
        own=trial.attempt > 1,
        exit_code=outcome.exit_code,
        log_tail=outcome.log_tail,
    )


def _stored(values: dict[str, Number]) -> dict[str, Number]:
    return {metric: plain(number(value)) for metric, value in values.items()}


def _judge(
    experiment: Experiment, trial: Trial, values: dict[str, Number], outcome: Outcome
) -> tuple[TrialState, str | None]:
    if outcome.verdict is Verdict.LOST:
        tries = experiment.terms.max_attempts
        return TrialState.FAIL, f"lost {tries} times, the last time: {outcome.reason}"
    if outcome.verdict is not Verdict.COMPLETE:
        return TrialState(outcome.verdict), outcome.reason
    for objective in experiment.terms.objectives:
        if objective.metric not in values:
            return TrialState.FAIL, _valueless(trial, objective.metric, outcome)
        if math.isnan(number(values[objective.metric])):
            return TrialState.FAIL, f"the metric {objective.metric!r} is NaN"
    return TrialState.COMPLETE, outcome.reason


def _valueless(trial: Trial, metric: str, outcome: Outcome) -> str:
    """Return the reason of a trial that fails because it ended well without the metric's value."""
    why = outcome.reason or f"it ended without a value of the metric {metric!r}"
    having = (report.attempt for report in trial.reports if metric in report.values)
    earlier = [attempt for attempt in having if attempt != trial.attempt]
    if not earlier:
        return why
    return (
        f"{why}; the value of {metric!r} that attempt {earlier[-1]} reported before it was lost "
        f"does not count for attempt {trial.attempt}: a training that resumes from a checkpoint "
        "and has nothing left to do must print its last value again"
    )


def _control(experiment: Experiment, command: Command, now: float) -> Events:
    match command:
        case commands.Stop() | commands.Abort() | commands.Conclude():
            asked = _asked(experiment, command)
            return () if experiment.over else ends.ended(experiment, asked, now)
        case commands.Pause(actor=actor):
            if experiment.over:
                raise Conflict(f"experiment {experiment.name!r} has ended ({experiment.reason})")
            at = ends.later(now, experiment.running_since)
            paused = experiment.state is ExperimentState.PAUSED
            return () if paused else (events.Paused(at=at, actor=actor),)
        case commands.Resume():
            return _resume(experiment, command, now)
        case commands.Extend():
            return _extend(experiment, command, now)
        case commands.Join(member=member, slots=slots):
            return _join(experiment, member, slots)
        case commands.Leave(member=member):
            return _leave(experiment, member)
    raise TypeError(f"not a command: {command!r}")


def _asked(
    experiment: Experiment, command: commands.Stop | commands.Abort | commands.Conclude
) -> ends.End:
    """Return the end that a command asks for."""
    match command:
        case commands.Stop():
            return ends.End(ExperimentState.STOPPED, "stopped", actor=command.actor)
        case commands.Abort(reason=reason):
            return ends.End(ExperimentState.FAILED, reason)
        case commands.Conclude(reason=reason):
            return ends.concluded(experiment, reason)


def _resume(experiment: Experiment, command: commands.Resume, now: float) -> Events:
    """Continue a paused or stopped experiment; one that ended otherwise must be extended."""
    if experiment.state is ExperimentState.RUNNING:
        return ()
    resumed: Events = (events.Resumed(at=now, actor=command.actor),)
    after = evolve_all(experiment, resumed)
    if experiment.over and after is not None and (due := ends.due(after, now)) is not None:
        why = f"{due.reason}; extend its budget instead"
        raise Conflict(f"experiment {experiment.name!r} cannot be resumed: {why}")
    return _in_next_epoch(experiment, command.epoch, *resumed) if experiment.over else resumed


def _extend(experiment: Experiment, command: commands.Extend, now: float) -> Events:
    changed = {k: v for k, v in command.changes.items() if experiment.spec.get(k) != v}
    limit = changed.get("max_trials")
    if limit is not None and limit < experiment.next_number:
        raise Conflict(
            f"max_trials cannot be {limit}: {experiment.next_number} trials exist already"
        )
    if not changed:
        return ()
    extended: Events = (extended_by(changed, command.actor, now),)
    if (
        not experiment.over
        or experiment.state is ExperimentState.STOPPED
        or changed.keys() <= _ASIDE
    ):
        return extended
    resumed = (*extended, events.Resumed(at=now, actor=command.actor))
    after = evolve_all(experiment, resumed)
    goes_on = after is not None and ends.due(after, now) is None
    return _in_next_epoch(experiment, command.epoch, *resumed) if goes_on else extended


def _consequences(experiment: Experiment, now: float, by: Installation) -> Events:
    if experiment.over:
        return ()
    due = ends.due(experiment, now)
    if due is not None:
        return ends.ended(experiment, due, now)
    return _reserve(experiment, by) if experiment.state is ExperimentState.RUNNING else ()


def _reserve(experiment: Experiment, by: Installation) -> Events:
    """Reserve slots for waiting trials, lowest number first."""
    if experiment.study is not None:
        return ()
    waiting = untaken(experiment)
    if not waiting:
        return ()
    return tuple(
        events.AttemptReserved(number=trial.number, attempt=trial.attempt, by=by.id)
        for trial in waiting[: max(0, by.slots(experiment))]
    )
