"""What an attempt does to its trial: it begins, reports, chooses values, stalls and ends. Pure.

A message of an attempt that has ended changes nothing. An attempt that is lost to the
infrastructure is followed by another one, and else the outcome decides the state of the trial.
"""

import math
from collections.abc import Iterable

import msgspec

from tunelet.core import commands, ends, events
from tunelet.core.delay import following
from tunelet.core.events import Event
from tunelet.core.evolve import evolve_all
from tunelet.core.evolve_trial import chosen_by
from tunelet.core.experiment import Experiment
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
from tunelet.errors import Conflict, NotFound
from tunelet.text.limits import STEPS

Command = commands.Start | commands.Record | commands.Assign | commands.Finish | commands.Stall
Events = tuple[Event, ...]


def decide(experiment: Experiment, command: Command, now: float) -> Events:
    """Return the events that follow from `command`; none if the attempt has ended.

    Raises `NotFound` if the trial does not exist, and `Conflict` if the attempt never began or had
    no slot to begin in.
    """
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
        lost = "lost" if tries == 1 else f"lost {tries} times, the last time"
        return TrialState.FAIL, f"{lost}: {outcome.reason}"
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
