"""The routes of what a person does to a single trial, and to notes and labels."""

from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.api.documents import experiment_json, trial_json
from functions.http import json_answer


def stop_trial(call: Call) -> Response:
    """End one trial and its run. The experiment continues; a trial that has ended stays as it is.

    The trial is STOPPED: neither a result nor a failure. It keeps its place in `max_trials`.
    """
    of = (call.namespace, call.name, call.number)
    return json_answer(trial_json(call.service.interventions.stop(*of, call.actor.name)))


def retry(call: Call) -> Response:
    """Retry a trial in FAIL or STOPPED: add one with its hyperparameters, to run next.

    `max_trials` rises by one, and an experiment that has spent its trials continues.
    """
    of = (call.namespace, call.name, call.number)
    return json_answer(trial_json(call.service.interventions.retry(*of, call.key, call.actor.name)))


def note(call: Call) -> Response:
    """Replace the note of an experiment. An empty one removes it."""
    noted = call.service.interventions.note(
        call.namespace, call.name, call.body, actor=call.actor.name
    )
    return json_answer(experiment_json(noted))


def note_trial(call: Call) -> Response:
    """Replace the note of a trial, also of one that has ended. An empty one removes it."""
    noted = call.service.interventions.note_trial(
        call.namespace, call.name, call.number, call.body, call.actor.name
    )
    return json_answer(trial_json(noted))


def label(call: Call) -> Response:
    """Set labels of an experiment, and remove those that are null. All others stay."""
    of = (call.namespace, call.name)
    return json_answer(
        experiment_json(call.service.interventions.label(*of, call.body, call.actor.name))
    )
