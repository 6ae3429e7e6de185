"""The routes of studies: experiments whose callers create, take, change and end the trials."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.events.training import Fields
from functions.http import json_answer
from tunelet.core.study_view import NOTHING, Changed, Since, View
from tunelet.core.trial import Trial
from tunelet.errors import Reject
from tunelet.log.heartbeats import Beats

NAME_LENGTH = 1000
DIRECTIONS = ("minimize", "maximize")
OBJECTIVES = 64
TRIALS = 1000
"""The most trials of an answer."""
ANSWER_BYTES = 4 << 20
"""An answer ends with the trial that goes beyond this size."""

_encode = msgspec.json.Encoder().encode


def create_study(call: Call) -> Response:
    """Create a study. The same Idempotency-Key creates only one."""
    fields = Fields(call.body)
    remedy = f"send a text of at most {NAME_LENGTH} characters"
    name = fields.take("name", _name, remedy)
    remedy = f"send a list of 1 to {OBJECTIVES} of {' and '.join(DIRECTIONS)}"
    directions = fields.take("directions", _directions, remedy)
    if errors := fields.done("name", "directions"):
        raise Reject("the study is invalid", errors)
    studies = call.service.studies(call.namespace, call.actor.name)
    number = studies.create(name, directions, call.key)
    return json_answer(study_json(studies.log(number).read(NOTHING).study))


def studies(call: Call) -> Response:
    """List studies, or find the one of a name.

    A page shows the studies among `limit` experiments, so it may be shorter, even empty, though
    `next` is not null.
    """
    here = call.service.studies(call.namespace)
    if (name := call.query.get("name")) is not None:
        return json_answer({"studies": [study_json(here.named(name))], "next": None})
    page, after = here.page(**call.query)
    link = None if after is None else f"{call.base}/studies?after={after}"
    return json_answer({"studies": [study_json(each) for each in page], "next": link})


def delete_study(call: Call) -> Response:
    """Delete a study with its trials."""
    call.service.studies(call.namespace, call.actor.name).delete(call.study)
    return Response(status=HTTPStatus.NO_CONTENT)


def study_changes(call: Call) -> Response:
    """Show a study, and the trials that have changed since entry `after` of its log.

    The answer has at least these trials. Those below `lowest` are left out: the caller has
    them, and they have ended. If `next` is not null, more follow, with `lowest` of this number and
    the same `after`; then the `seq` of the first answer is the next `after`.
    """
    since = Since(call.query.get("after", 0), call.query.get("lowest", 0))
    log = call.service.studies(call.namespace).log(call.study)
    return _answer(*log.page(since, TRIALS))


def change_study(call: Call) -> Response:
    """Carry out commands in one entry of the log, all or none.

    Sent again, they change nothing more: each has a name of its own, in `by` or `key`, or a
    `revision`. `named` has the trials of the commands as they are afterwards: if `by`
    has another name than the caller's, another caller took or ended the trial. The rest is as in
    the answer of `changes` with `after` and `lowest`.
    """
    from tunelet.request.study_commands import parse, reports

    log = call.service.studies(call.namespace).log(call.study)
    sent, since = parse(call.body, log.objectives())
    commands = [msgspec.structs.replace(each, actor=call.actor.name) for each in sent]
    call.service.attempts.admit_reports(call.namespace, reports(commands))
    if log.creates(commands):
        call.service.admit_trials(call.namespace)
    done = log.commit(commands, since, TRIALS)
    return _answer(done.changed, done.more, done.named)


def send_heartbeats(call: Call) -> Response:
    """Replace the heartbeats of a caller's trials."""
    try:
        beats = msgspec.convert(call.body, Beats, str_keys=True)
    except msgspec.ValidationError as fault:
        from tunelet.request.study_commands import misshapen

        raise Reject("the heartbeats are invalid", [misshapen(str(fault), "Heartbeats")]) from None
    log = call.service.studies(call.namespace).log(call.study)
    log.read(NOTHING)  # raises if the study was deleted
    log.beats.write(call.path["caller"], beats)
    return Response(status=HTTPStatus.NO_CONTENT)


def heartbeats(call: Call) -> Response:
    """Show the heartbeats of a caller's trials; null if this version cannot read them."""
    log = call.service.studies(call.namespace).log(call.study)
    beats = log.beats.read(call.path["caller"])
    return json_answer({"beats": beats and beats.beats, "at": beats and beats.at})


def study_json(study: View) -> dict[str, Any]:
    return {
        "number": study.number,
        "name": study.name,
        "experiment": study.experiment,
        "objectives": [
            {"metric": each.metric, "direction": each.direction} for each in study.objectives
        ],
        "attributes": study.attributes,
        "system": study.system,
    }


def _answer(changed: Changed, more: bool, named: Sequence[Trial] | None = None) -> Response:
    """Show changes, with as many trials as an answer may have."""
    shown, size = list[msgspec.Raw](), 0
    for trial in changed.trials:
        if size > ANSWER_BYTES:
            break
        shown.append(_raw(trial))
        size += len(shown[-1])
    rest = changed.trials[len(shown) :]
    last = changed.trials[len(shown) - 1].number if shown else -1
    return json_answer(
        {
            "study": study_json(changed.study),
            "seq": changed.seq,
            "trials": shown,
            "next": last + 1 if rest or more else None,
            **({} if named is None else {"named": [_raw(each) for each in named]}),
        }
    )


def _raw(trial: Trial) -> msgspec.Raw:
    return msgspec.Raw(_encode(trial))


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > NAME_LENGTH:
        raise ValueError
    return value


def _directions(value: Any) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= OBJECTIVES:
        raise ValueError
    if any(each not in DIRECTIONS for each in value):
        raise ValueError
    return value
