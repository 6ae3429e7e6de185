"""The trials of a study of Optuna and of Hyperopt's `Trials`, as dicts with parts.

No library is imported: a caller with such an object has imported it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tunelet.errors import Reject
from tunelet.interop.cells import choices
from tunelet.interop.plain import plain

Json = dict[str, Any]

_STATES = {"ok": "COMPLETE", "fail": "FAIL"}


def is_study(source: Any) -> bool:
    return hasattr(source, "directions") and hasattr(source, "trials")


def is_hyperopts(source: Any) -> bool:
    return hasattr(source, "miscs") and hasattr(source, "trials")


def of_study(study: Any, spec: Mapping[str, Any]) -> Iterator[Json]:
    """Yield a study's trials. Its objectives are those of the experiment, in order.

    Raises `Reject` if they have other directions.
    """
    directions = [direction.name.lower() for direction in study.directions]
    _refuse_others(directions, spec["objectives"])
    metrics = [each["metric"] for each in spec["objectives"]]
    for trial in study.trials:
        values = dict(zip(metrics, trial.values or (), strict=False))
        yield {"hyperparameters": trial.params, "values": values, "state": trial.state.name}


def of_hyperopt(trials: Any, spec: Mapping[str, Any]) -> Iterator[Json]:
    """Yield Hyperopt's trials, which minimize a loss and have an option's index for its value."""
    _refuse_others(["minimize"], spec["objectives"])
    metric, forms = spec["objectives"][0]["metric"], spec["hyperparameters"]
    for trial in trials.trials:
        labels = {name: vals[0] for name, vals in trial["misc"]["vals"].items() if len(vals)}
        given = {name: _option(forms.get(name), value) for name, value in labels.items()}
        loss = trial["result"].get("loss")
        values = {} if loss is None else {metric: loss}
        state = _STATES.get(trial["result"].get("status"), "RUNNING")
        yield {"hyperparameters": given, "values": values, "state": state}


def _refuse_others(theirs: list[str], ours: list[Mapping[str, Any]]) -> None:
    if len(theirs) != len(ours):
        raise Reject(f"the source has {len(theirs)} objectives, and the experiment {len(ours)}")
    for direction, objective in zip(theirs, ours, strict=True):
        if direction not in (objective["direction"], "not_set"):
            raise Reject(
                f"the source is to {direction} what the experiment is to "
                f"{objective['direction']}: {objective['metric']!r}"
            )


def _option(form: Mapping[str, Any] | None, value: Any) -> Any:
    index = plain(value)
    if form is None or form["type"] != "categorical" or not isinstance(index, int):
        return value
    known = choices(form)
    return known[index] if 0 <= index < len(known) else value
