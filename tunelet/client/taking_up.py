"""Beginning an experiment, or taking up the one of the same name."""

from typing import TYPE_CHECKING

from tunelet.client.report import FINAL, Json
from tunelet.errors import Conflict, NotFound

if TYPE_CHECKING:
    from tunelet.client.client import Client


def begun(client: "Client", request: Json, joins: bool = False) -> Json:
    """The experiment of the request's name, or a new one.

    One that is taken up gets the request's `max_trials` and `parallel_trials`. With `joins` other
    processes may work on it as well, so `parallel_trials` is added to what it has.

    Raises `Conflict` if the one of that name searches other hyperparameters or trains with other
    code, and what `Client.submit` and `Client.extend` raise.
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
    changes = _changes(known, request, joins)
    if changes:
        return client.extend(name, **changes).json
    if known["state"] in ("PAUSED", "STOPPED"):
        return client.resume(name).json
    return known


def _changes(known: Json, request: Json, joins: bool) -> Json:
    wanted = {key: request.get(key) for key in ("max_trials", "parallel_trials")}
    if joins and known["state"] not in FINAL:
        wanted["parallel_trials"] += known["spec"]["parallel_trials"]
    return {k: v for k, v in wanted.items() if v not in (None, known["spec"][k])}


def _refuse_another(known: Json, request: Json) -> None:
    """To take up an experiment with another space or other code would mix two searches."""
    spec, code = known["spec"], request["model_training_code"]
    what = None
    declared = not (spec.get("define_by_run") and request.get("define_by_run"))
    if declared and spec["hyperparameters"].keys() != request["hyperparameters"].keys():
        what = "hyperparameters"
    elif any(spec["model_training_code"].get(key) != value for key, value in code.items()):
        what = "code"
    if what:
        raise Conflict(
            f"there is an experiment {known['name']} with other {what}: choose another name"
        )
