"""When an experiment ends, and how that ends its unfinished trials. Pure.

The ends are checked in this order, and the first that applies gives the reason:

1. it is stopped or deleted, its algorithm failed, or a stopping rule ends it (the commands
   themselves)
2. the best trial reached the goal
3. more than `max_failed_trials` trials failed
4. `give_up_after` trials in a row failed alike before any completed (`tunelet.core.same_failure`)
5. `max_seconds` have passed (the clock stops while the experiment is paused)
6. `max_cost` is spent
7. all `max_trials` trials have ended, or the space is exhausted and none is left

A stop leads to STOPPED, a failed algorithm to FAILED. After 2 the experiment is COMPLETE,
after 3 and 4 FAILED. After 5 to 7, and after a stopping rule ends it, it is COMPLETE if any trial
completed, else FAILED.

After `give_up_after` failures no further trial begins, but the experiment ends (4) only once the
running trials have ended. Failures come early and results late: of ten parallel trials three may
fail for their hyperparameters before the others complete. If one completes, the experiment
continues.

Trials that have not ended by then are STOPPED: neither results nor failures. If the time or the
money is spent (5, 6), a STOPPED trial is `eligible` if its present attempt has reported every
objective and meets the constraints: it may be the best, and the experiment is COMPLETE.
"""

import math
from datetime import UTC, datetime
from typing import NamedTuple

from tunelet.core import events
from tunelet.core.events import Event
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.pareto import feasible
from tunelet.core.problem import Objective
from tunelet.core.same_failure import REASON_LENGTH
from tunelet.core.trial import Trial, TrialState, number
from tunelet.text.messages import brief, counted

ON_REQUEST = "stopped on request"
"""The reason of a trial that was stopped by itself, which `tunelet audit` lists."""
_NONE_COMPLETED = ", none of them completed"


class End(NamedTuple):
    """An end of an experiment: its state and its reason."""

    state: ExperimentState
    reason: str
    spent: bool = False
    """The time or the money is spent: the reports of unfinished trials count."""
    actor: str = ""
    """Who asked for it; empty: not known, or the budget ended it."""


def due(experiment: Experiment, now: float) -> End | None:
    """Return the end that is due now; None if the experiment continues."""
    terms, ended = experiment.terms, experiment.ended
    if any(_reached(terms.objectives, trial) for trial in experiment.best):
        return End(ExperimentState.COMPLETE, "the goal is reached")
    allowed = terms.max_failed_trials
    if allowed is not None and ended.fail > allowed:
        reason = f"{counted(ended.fail, 'trial')} failed (max_failed_trials is {allowed})"
        return End(ExperimentState.FAILED, reason)
    if experiment.hopeless and not any(trial.begun for trial in experiment.live):
        return End(ExperimentState.FAILED, _given_up(experiment))
    if (spent := _spent(experiment, now)) is not None:
        return _out_of_budget(experiment, spent)
    done = _done(experiment)
    return None if done is None else concluded(experiment, done)


def ended(experiment: Experiment, end: End, now: float) -> tuple[Event, ...]:
    """Return the events of the end: first the ends of unfinished trials, then its own."""
    cut_off = (_stopped(experiment, trial, end, now) for trial in experiment.live)
    at = later(now, experiment.running_since)
    return (*cut_off, events.Ended(end.state, end.reason, at, end.actor))


def later(now: float, begun: float | None) -> float:
    """Return the end's time: `now`, but not before `begun`, which another clock may have given."""
    return now if begun is None else max(now, begun)


def _stopped(experiment: Experiment, trial: Trial, end: End, now: float) -> events.TrialEnded:
    """Return the end of a trial that is unfinished when the experiment ends."""
    eligible = end.spent and _eligible(experiment, trial)
    return stopped(trial, f"the experiment ended: {end.reason}", now, eligible)


def stopped(
    trial: Trial, reason: str, now: float, eligible: bool = False, actor: str = ""
) -> events.TrialEnded:
    """Return the end of a trial that brings neither a result nor a failure."""
    return events.TrialEnded(
        number=trial.number,
        attempt=trial.attempt,
        state=TrialState.STOPPED,
        at=later(now, trial.started_at),
        reason=reason,
        own=trial.attempt > 1,
        eligible=eligible,
        actor=actor,
    )


def _eligible(experiment: Experiment, trial: Trial) -> bool:
    """Whether the present attempt's reports could make the trial the best."""
    values, terms = trial.measured, experiment.terms
    known = (number(values.get(each.metric, "NaN")) for each in terms.objectives)
    return not any(map(math.isnan, known)) and feasible(terms.constraints, values)


def concluded(experiment: Experiment, why: str) -> End:
    """Return an end because no further, or no better, result can come."""
    if _has_result(experiment):
        return End(ExperimentState.COMPLETE, why)
    none = {0: "", 1: "; no trial completed"}.get(experiment.next_number, _NONE_COMPLETED)
    return End(ExperimentState.FAILED, why + none)


def _out_of_budget(experiment: Experiment, why: str) -> End:
    """Return an end of the budget: COMPLETE also if an unfinished trial may be the best."""
    if _has_result(experiment) or any(_eligible(experiment, each) for each in experiment.live):
        return End(ExperimentState.COMPLETE, why, spent=True)
    none = "no trial completed, and none that ran has reported values that count"
    return End(
        ExperimentState.FAILED, f"{why}; {none}" if experiment.next_number else why, spent=True
    )


def _has_result(experiment: Experiment) -> bool:
    """Whether there is a result. An earlier end may have stopped the best trial unfinished."""
    return bool(experiment.ended.complete or experiment.best)


def held(experiment: Experiment) -> str | None:
    """Return why no further trial begins although the experiment has not ended; None: one may."""
    if experiment.over:
        return None
    if not experiment.hopeless:
        return _postponed(experiment)
    return f"no further trial begins before one that runs does better: {_alike(experiment)}"


def _postponed(experiment: Experiment) -> str | None:
    """Return why the trial that waits longest could not be started; None if none waits."""
    waiting = [
        (trial.not_before, trial)
        for trial in experiment.live
        if trial.not_before is not None and trial.state is TrialState.WAITING
    ]
    if not waiting:
        return None
    until, trial = min(waiting, key=lambda each: each[0])
    at = f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M:%S} UTC"
    which = f"trial {trial.number}"
    if len(waiting) > 1:
        which += f" and {len(waiting) - 1} more"
    return f"{which} cannot be started now, and will be tried again at {at}: {trial.reason}"


def _given_up(experiment: Experiment) -> str:
    limit = experiment.terms.give_up_after
    remedy = "correct the cause and resume; 0 never gives up"
    return f"{_alike(experiment)} (give_up_after is {limit}: {remedy})"


def _alike(experiment: Experiment) -> str:
    failures = experiment.failures
    first = failures.count == experiment.ended.fail
    if failures.count == 1:
        said = "the first trial failed" if first else "a trial failed"
    else:
        which = (
            f"the first {failures.count} trials" if first else f"{failures.count} trials in a row"
        )
        said = f"{which} failed alike"
    # The log's snapshots have the reason as it was cut off, also those of earlier versions.
    return f"{said}: {brief(failures.reason, REASON_LENGTH - 1)}"


def _spent(experiment: Experiment, now: float) -> str | None:
    """Return which budget of time or money is spent; None if neither is."""
    terms = experiment.terms
    if terms.max_seconds is not None and experiment.elapsed(now) >= terms.max_seconds:
        return f"max_seconds ({terms.max_seconds:g}) have passed"
    if terms.max_cost is not None and experiment.cost(now) >= terms.max_cost:
        return f"max_cost ({terms.max_cost:g}) is spent"
    return None


def _done(experiment: Experiment) -> str | None:
    """Return why no further trial will come, if none is left; else None."""
    terms = experiment.terms
    if experiment.live:
        return None
    if experiment.next_number >= terms.max_trials:
        return _all_ended(experiment.next_number)
    if experiment.exhausted:
        return f"the search space is exhausted after {counted(experiment.next_number, 'trial')}"
    return None


def _all_ended(trials: int) -> str:
    return "the only trial has ended" if trials == 1 else f"all {trials} trials have ended"


def _reached(objectives: tuple[Objective, ...], trial: Trial) -> bool:
    goals = [o for o in objectives if o.goal is not None]
    return bool(goals) and all(
        not o.better(o.goal, number(trial.values[o.metric])) for o in goals if o.goal is not None
    )
