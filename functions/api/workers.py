"""The routes of workers: ask for trials, give one back. Reports and outcomes are as any trial's."""

from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.api.documents import trial_json
from functions.api.endpoints import run_of_token
from functions.events.training import MAX_REASON, Fields, text, whole
from functions.http import json_answer
from tunelet.core.ends import held
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.lease import LONGEST, MOST, MOST_OUTPUT, SHORTEST, USUAL
from tunelet.engine.asking import Handed
from tunelet.errors import Reject


def ask(call: Call) -> Response:
    """Take trials of an experiment that is for workers, to run them.

    A trial is the caller's until it posts the outcome, as long as it reports at least once in
    `lease_seconds`, with `{"reports": []}` if there is no value. An experiment that has not ended
    may have no trial now: ask again after some seconds. The same Idempotency-Key gets the same
    trials.
    """
    fields = Fields(call.body)
    count = fields.take("count", _count, f"send an integer from 1 to {MOST}", 1)
    remedy = f"send seconds from {SHORTEST:g} to {LONGEST:g}"
    seconds = fields.take("lease_seconds", _seconds, remedy, USUAL)
    if errors := fields.done("count", "lease_seconds"):
        raise Reject("the request for trials is invalid", errors)
    experiment, handed = call.service.attempts.ask(
        call.namespace, call.name, count, seconds, call.key, call.actor.name
    )
    return json_answer(
        {
            "trials": [_handed(each) for each in handed],
            "state": experiment.state.value,
            "reason": experiment.reason or (None if handed else _why_none(call, experiment)),
            "ended": experiment.over,
            "uid": experiment.uid,
        }
    )


def release(call: Call) -> Response:
    """Give a trial back. Its next attempt is given to the next that asks.

    With `counted` the attempt counts towards `max_attempts`, as if the machine had failed.
    """
    run = run_of_token(call)
    fields = Fields(call.body)
    reason = fields.take("reason", text, f"send a text of at most {MAX_REASON} characters")
    counted = fields.take("counted", _flag, "send true or false", False)
    if errors := fields.done("reason", "counted"):
        raise Reject("the release is invalid", errors)
    return json_answer(trial_json(call.service.attempts.release(run, reason, counted)))


def output(call: Call) -> Response:
    """Keep the output of a worker's trial, to be shown as any trial's. The first one counts."""
    run = run_of_token(call)
    fields = Fields(call.body)
    written = fields.take("output", _output, f"send a text of at most {MOST_OUTPUT} characters")
    if errors := fields.done("output"):
        raise Reject("the output is invalid", errors)
    call.service.files.keep_output(run, written.encode(errors="replace"))
    return Response(status=HTTPStatus.NO_CONTENT)


def _output(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MOST_OUTPUT:
        raise ValueError
    return value


def _why_none(call: Call, experiment: Experiment) -> str:
    if call.service.attempts.full(experiment.namespace, experiment.name):
        return (
            "the namespace runs as many trials as its quota of live_trials allows, "
            "or keeps a place for another experiment that waits"
        )
    if experiment.state is ExperimentState.PAUSED:
        return "the experiment is paused"
    if reason := held(experiment):
        return reason
    running, most = experiment.active, experiment.terms.parallel_trials
    if running >= most:
        return f"parallel_trials is {most}, and as many trials run: extend it for more"
    if experiment.room:
        return "the algorithm is at work for others that asked before: ask again"
    return "the algorithm or the budget has no trial before a running one ends"


def _handed(handed: Handed) -> dict[str, Any]:
    return {
        **trial_json(handed.trial),
        "token": handed.token,
        "checkpoint_url": handed.checkpoint_url,
    }


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _count(value: Any) -> int:
    count = whole(value)
    if not 1 <= count <= MOST:
        raise ValueError
    return count


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    if not SHORTEST <= value <= LONGEST:
        raise ValueError
    return float(value)
