"""Beginning an experiment, or taking up the one of the same name."""

import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tunelet.client.report import Json, ended, moment, planned
from tunelet.errors import Conflict, NotFound

if TYPE_CHECKING:
    from tunelet.client.client import Client


Join = Callable[[str, str], object]
"""Joins the experiment of a namespace and a name as a member, with slots of its own."""

_BUDGET = ("max_trials", "max_seconds", "max_cost")
_COMPARED = ("min", "max", "choices", "mean", "std")


def begun(client: "Client", request: Json, join: Join | None = None) -> Json:
    """The experiment of the request's name, or a new one.

    One that is taken up gets the request's budget and algorithm, if given, and its
    `parallel_trials` unless the caller joins it, because a member brings its own slots.

    One that is paused or was stopped is resumed, and one that failed before its budget was spent:
    its caller has corrected the cause.

    Raises `Conflict` if the one of that name searches another space, has other objectives or trains
    with other code, and what `Client.submit` and `Client.extend` raise.
    """
    if "name" not in request:
        return client.submit(request).json
    name = str(request["name"])
    try:
        known = client.experiment(name).json
    except NotFound:
        try:
            return client.submit(request).json
        except Conflict:
            known = client.experiment(name).json  # another process was first
    _refuse_another(known, request)
    changes = _changes(known, request, (*_BUDGET, *(() if join else ("parallel_trials",))))
    if changes:
        known = client.extend(name, **changes).json
    if known["state"] in ("PAUSED", "STOPPED"):
        known = client.resume(name).json
    elif known["state"] == "FAILED" and unspent(known):
        known = _resumed(client, known)
    if join is None:
        return known
    join(known["namespace"], name)
    return client.experiment(name).json


def unspent(experiment: Json) -> bool:
    """Whether fewer trials have ended than it may have."""
    most = planned(experiment)
    return most is None or ended(experiment) < most


class WayOn(NamedTuple):
    """What lets an experiment that FAILED continue, once the cause is corrected."""

    more: Json
    """The larger budget that it needs; empty if it only has to be taken up again."""
    retry: bool = False
    """A failed trial has to be retried: there are no other hyperparameters to try."""


def way_on(experiment: Json) -> WayOn | None:
    """How an experiment that FAILED continues; None if that is not known."""
    spec, reason = experiment["spec"], experiment.get("reason") or ""
    failed, allowed = experiment["counts"]["failed"], spec.get("max_failed_trials")
    most, more = planned(experiment), {}
    if experiment["state"] != "FAILED" or most is None or reason.startswith("max_cost ("):
        return None
    if reason.startswith("the search space is exhausted"):
        return WayOn({}, retry=True) if failed else None
    if reason.startswith("max_seconds ("):
        more["max_seconds"] = math.ceil(spec["max_seconds"] + _seconds(experiment))
    if allowed is not None and failed > allowed:
        more["max_failed_trials"] = failed + max(allowed, 1)
    if not unspent(experiment):
        more["max_trials"] = 2 * most
    return WayOn(more)


def _seconds(experiment: Json) -> float:
    """From its submission to its end: not less than what counts to `max_seconds`."""
    begun, over = moment(experiment["submitted_at"]), moment(experiment["ended_at"])
    return 0.0 if begun is None or over is None else over - begun


def _resumed(client: "Client", failed: Json) -> Json:
    """The experiment as it continues; as it is if another budget than that of trials is spent."""
    try:
        return client.resume(failed["name"]).json
    except Conflict:
        return failed


def _changes(known: Json, request: Json, fields: tuple[str, ...]) -> Json:
    wanted = {key: request.get(key) for key in fields}
    changes = {k: v for k, v in wanted.items() if v not in (None, known["spec"][k])}
    algorithm = request.get("hpo_algorithm")
    if algorithm is not None and _other_algorithm(known["spec"]["hpo_algorithm"], algorithm):
        changes["hpo_algorithm"] = algorithm
    return changes


def _other_algorithm(known: Json, wanted: str | Mapping[str, Any]) -> bool:
    """Whether the name differs, or one of the settings that are given."""
    named: Mapping[str, Any] = {"name": wanted} if isinstance(wanted, str) else wanted
    settings = (named.get("settings") or {}).items()
    return named.get("name") != known["name"] or not settings <= known["settings"].items()


def _refuse_another(known: Json, request: Json) -> None:
    """To take up an experiment with another space or other code would mix two searches."""
    spec, code = known["spec"], request["model_training_code"]
    what = None
    declared = not (spec.get("define_by_run") and request.get("define_by_run"))
    differs = _difference(spec["hyperparameters"], request["hyperparameters"]) if declared else None
    if differs is not None:
        what = f"hyperparameters ({differs})"
    elif _other_objectives(spec, request):
        what = "objectives"
    elif any(spec["model_training_code"].get(key) != value for key, value in code.items()):
        what = "code"
    if what:
        raise Conflict(
            f"there is an experiment {known['name']} with other {what}: choose another name"
        )


def _difference(known: Json, wanted: Json) -> str | None:
    """The first name, limit, scale or choice that differs, in words; None if none does."""
    if names := sorted(wanted.keys() - known.keys()):
        return f"{names[0]} is not in it"
    if names := sorted(known.keys() - wanted.keys()):
        return f"{names[0]} is in it, too"
    for name, form in wanted.items():
        if isinstance(form, Mapping) and _other_form(known[name], form):
            return f"{name} is {json.dumps(known[name])} there"
    return None


def _other_form(known: Json, wanted: Mapping[str, Any]) -> bool:
    """`known` is normalized: limits are numbers, and only a scale that is not linear is there."""
    differs = any(
        known[each] != wanted[each] for each in _COMPARED if each in known and each in wanted
    )
    return differs or _scale(known) != _scale(wanted)


def _scale(form: Mapping[str, Any]) -> str:
    asked = (each for each in ("log", "reverse_log") if form.get(each))
    return str(next(asked, form.get("scale") or "linear"))


def _other_objectives(spec: Json, request: Json) -> bool:
    wanted = request.get("objectives") or [request.get("objective")]
    named = [(each["metric"], each["direction"]) for each in wanted if each]
    return bool(named) and named != [(o["metric"], o["direction"]) for o in spec["objectives"]]
