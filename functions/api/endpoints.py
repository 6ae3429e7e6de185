"""What each route does: one call of the service, and its result as JSON."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from adapters.events.cloudevents import Event, parse_all
from functions.api.call import Call
from functions.api.columns import numbers_in
from functions.api.dead_letters import dead_letter_data, dead_letter_json, namespace_of
from functions.api.documents import (
    best_json,
    change_json,
    experiment_json,
    overview_json,
    submitted,
    trial_json,
)
from functions.events import training
from functions.http import json_answer
from functions.identity.gate import UNGUARDED
from functions.identity.rights import Resource, Right, Verb
from functions.problem import Refused
from functions.telemetry.log import LOGGER, about
from tunelet.core.experiment import Experiment
from tunelet.core.run import Run
from tunelet.dead_letters import DeadLetter
from tunelet.errors import NO_EXPERIMENT, FieldError, Forbidden, NotFound, Reject, Retry


def submit(call: Call) -> Response:
    """Start an experiment. The same Idempotency-Key starts it only once."""
    must_start = "must_start" in call.query
    begun = call.service.submit(
        call.body, call.given_namespace, call.key, must_start, call.actor.name
    )
    about(namespace=begun.namespace, experiment=begun.name)
    return json_answer(submitted(begun, call.service.obstacle(begun)))


def experiments(call: Call) -> Response:
    """List experiments by name."""
    page, after = call.service.experiments(call.namespace, **call.query)
    shown = [experiment_json(experiment) for experiment in page]
    return json_answer({"experiments": shown, "next": call.next_link("experiments", after)})


def overview(call: Call) -> Response:
    """Give an overview of experiments, each in some 500 bytes: state, progress and best.

    With `live=true` only those that have not ended, or ended minutes ago.
    """
    query = dict(call.query)
    live = query.pop("live", None) == "true"
    listed = call.service.live if live else call.service.overview
    page, after = listed(call.namespace, **query)
    shown = [overview_json(experiment) for experiment in page]
    return json_answer({"experiments": shown, "next": call.next_link("overview", after)})


def experiment(call: Call) -> Response:
    """Show an experiment."""
    return json_answer(experiment_json(call.service.experiment(call.namespace, call.name)))


def extend(call: Call) -> Response:
    """Change the budget of an experiment; an ended one continues."""
    by = call.actor.name
    changed = call.service.extend(call.namespace, call.name, call.body, by)
    return json_answer(experiment_json(changed))


def delete(call: Call) -> Response:
    """End and delete an experiment."""
    call.service.delete(call.namespace, call.name, call.actor.name)
    return Response(status=HTTPStatus.NO_CONTENT)


def audit(call: Call) -> Response:
    """List who changed an experiment, and when; also of one that was deleted.

    A page has the changes of whole log entries, so it may have more than `limit`. At most 1,000
    entries are read for it, so it may be shorter, even empty, though `next` is not null.
    """
    page, after = call.service.audit(call.namespace, call.name, **call.query)
    link = call.next_link(f"experiments/{call.name}/audit", after)
    return json_answer({"changes": [change_json(change) for change in page], "next": link})


def trials(call: Call) -> Response:
    """List trials by number."""
    if (numbers := call.query.pop("numbers", None)) is not None:
        some = call.service.some(call.namespace, call.name, set(numbers_in(numbers)))
        return json_answer({"trials": [trial_json(trial) for trial in some], "next": None})
    page, after = call.service.trials(call.namespace, call.name, **call.query)
    shown = [trial_json(trial) for trial in page]
    link = call.next_link(f"experiments/{call.name}/trials", after)
    return json_answer({"trials": shown, "next": link})


def enqueue(call: Call) -> Response:
    """Add trials with given hyperparameters, to run next, and a note why."""
    body = call.body
    if (
        not isinstance(body, dict)
        or set(body) - {"note"} != {"trials"}
        or not isinstance(body["trials"], list)
    ):
        remedy = 'send {"trials": [{hyperparameters}, …]}, and "note" if you like'
        error = FieldError("trials", body, "is not a list of hyperparameters", remedy)
        raise Reject("there are no trials to enqueue", [error])
    made = call.service.enqueue(
        *(call.namespace, call.name, body["trials"], call.key, body.get("note")),
        actor=call.actor.name,
    )
    return json_answer({"trials": [trial_json(trial) for trial in made]})


def import_trials(call: Call) -> Response:
    """Add finished trials that were made elsewhere, for the algorithm to learn from.

    They count to max_trials and max_failed_trials only if `count` is true; otherwise both rise by
    the number of those that would count.
    """
    made = call.service.import_trials(
        call.namespace, call.name, call.body, call.key, call.actor.name
    )
    return json_answer({"trials": [trial_json(trial) for trial in made]})


def trial(call: Call) -> Response:
    """Show a trial."""
    return json_answer(trial_json(call.service.trial(call.namespace, call.name, call.number)))


def report(call: Call) -> Response:
    """Report intermediate values. A worker renews its lease with each, also with an empty list."""
    run = run_of_token(call)
    stop = call.service.attempts.report(run, training.reports(call.body))
    if training.ending(call.body):
        call.service.announce_end(run)
    return json_answer({"stop": stop})


def outcome(call: Call) -> Response:
    """Report how a trial ended."""
    run = run_of_token(call)
    return json_answer(trial_json(call.service.attempts.finish(run, training.outcome(call.body))))


def best(call: Call) -> Response:
    """Show the best trial, or the Pareto front."""
    found = call.service.best(call.namespace, call.name)
    of = call.service.experiment(call.namespace, call.name)
    return json_answer(best_json(of, found))


def pause(call: Call) -> Response:
    """Pause an experiment: start no more trials; running trials continue."""
    return _changed(call, call.service.pause)


def resume(call: Call) -> Response:
    """Resume an experiment after a pause or a stop."""
    return _changed(call, call.service.resume)


def stop(call: Call) -> Response:
    """End an experiment and its trials."""
    return _changed(call, call.service.stop)


def events(call: Call) -> Response:
    """Report on trials and end them by CloudEvents, in binary, structured or batched mode.

    Answered after the commit. A batch is taken in order; sent again it changes nothing.
    """
    results = []
    for event in parse_all(dict(call.request.headers), call.raw):
        if event.type not in training.EVENTS:
            remedy = f"send one of {', '.join(training.EVENTS)}"
            error = FieldError("type", event.type, "is not taken here", remedy)
            raise Reject("this type of event means nothing here", [error])
        results.append({"id": event.id, "stop": _recorded(call, event)})
    return json_answer({"events": results})


def _recorded(call: Call, event: Event) -> bool:
    try:
        return training.record(call.service, event, call.bearer)
    except Forbidden as refusal:
        unseen = _unseen(call, refusal)
        if unseen is refusal:
            raise
        raise NotFound(f"{event.subject}: {unseen}") from None


def schema(call: Call) -> Response:
    """The JSON Schema of a request."""
    from tunelet.request.models import request_schema

    return json_answer(request_schema())


def algorithms(call: Call) -> Response:
    """The algorithms and stopping rules to choose from."""
    catalog = call.service.catalog
    return json_answer(
        {"algorithms": list(catalog.describe()), "early_stopping": list(catalog.rules())}
    )


def aliases(call: Call) -> Response:
    """The images that stand for a command here, and whether requests may name commands."""
    service = call.service
    return json_answer({"aliases": list(service.aliases), "commands": service.allows_commands})


def docs(call: Call) -> Response:
    """Show the OpenAPI document as a page, to read and to try."""
    from functions.api.docs import page

    return page()


def docs_asset(call: Call) -> Response:
    """Show a file of the page of the OpenAPI document."""
    from functions.api.docs import asset

    return asset(call.path["asset"])


def dead_letters(call: Call) -> Response:
    """List the events that could not be delivered, the newest first.

    A page is shorter than `limit` if some are of namespaces that the caller may not see.
    """
    page, after = call.service.dead.newest(**call.query)
    list_them = Right(Verb.LIST, Resource.DEAD_LETTERS)
    seen = [letter for letter in page if call.allows(list_them, namespace_of(letter))]
    shown = [dead_letter_json(letter) for letter in seen]
    link = f"/api/dead-letters?{urlencode({**call.query, 'after': after})}" if after else None
    return json_answer({"dead_letters": shown, "next": link})


def dead_letter(call: Call) -> Response:
    """Show an event that could not be delivered, with its data."""
    letter = _letter(call, Right(Verb.GET, Resource.DEAD_LETTERS))
    return json_answer({**dead_letter_json(letter), "data": dead_letter_data(letter)})


def replay(call: Call) -> Response:
    """Deliver an event again."""
    letter = _letter(call, Right(Verb.UPDATE, Resource.DEAD_LETTERS))
    call.outbox.repeat(letter.headers, letter.body)
    call.service.dead.remove(letter.id)
    return json_answer(dead_letter_json(letter))


def _letter(call: Call, right: Right) -> DeadLetter:
    """Return the dead letter in the path, if the caller has the right in its namespace."""
    letter = call.service.dead.get(call.path["letter"])
    absent = f"there is no dead letter {letter.id!r}"
    call.gate.admit(call.actor, right, namespace_of(letter), absent)
    return letter


def health(call: Call) -> Response:
    """Whether the process is alive."""
    return json_answer({"status": "alive"})


def ready(call: Call) -> Response:
    """Whether the store can be reached, and the place where training runs."""
    try:
        call.service.ready()
    except Retry as fault:
        if call.gate is UNGUARDED:
            raise
        # Anyone may ask, and the fault may name the bucket or the cluster.
        LOGGER.warning("the service is not ready: %s", fault)
        raise Retry("the service is not ready; its log says why", fault.after) from None
    return json_answer({"status": "ready"})


def run_of_token(call: Call) -> Run:
    """Return the run that the bearer token is for. Raises `Refused` without a token."""
    if call.bearer is None:
        remedy = "send Authorization: Bearer and the trial's TUNELET_TRIAL_TOKEN"
        error = FieldError("Authorization", None, "is missing", remedy)
        challenge = {"WWW-Authenticate": 'Bearer realm="trial"'}
        raise Refused(HTTPStatus.UNAUTHORIZED, "a trial's token is needed", [error], challenge)
    try:
        return call.service.attempts.authorize(call.bearer, call.namespace, call.name, call.number)
    except Forbidden as refusal:
        raise _unseen(call, refusal) from None


def _unseen(call: Call, refusal: Forbidden) -> Exception:
    """Return the error for a wrong token: where callers are known, that the trial is not there.

    Otherwise anyone could find out which experiments exist.
    """
    return refusal if call.gate is UNGUARDED else NotFound(NO_EXPERIMENT)


def _changed(call: Call, change: Callable[[str, str, str], Experiment]) -> Response:
    return json_answer(experiment_json(change(call.namespace, call.name, call.actor.name)))
