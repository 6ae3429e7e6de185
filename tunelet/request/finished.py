"""Trials that were made elsewhere, as a request to import them has them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tunelet.core.trial import Finished, Number, TrialState, number, plain
from tunelet.errors import FieldError, Reject
from tunelet.text.limits import IMPORTED, METRICS, REASON_LENGTH, is_metric_name
from tunelet.text.messages import MOST, listed, shown

if TYPE_CHECKING:
    from tunelet.space import Space

_FIELDS = {"hyperparameters", "values", "state", "reason"}
_STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def parse(raw: object, space: "Space", objectives: list[str]) -> tuple[tuple[Finished, ...], bool]:
    """Return the trials of {"trials": […], "count": false}, and whether they count.

    A COMPLETE trial, the default, has a value of each objective. Raises `Reject` with the problems.
    """
    if not isinstance(raw, dict) or raw.keys() - {"count"} != {"trials"}:
        remedy = 'send {"trials": [{"hyperparameters": {…}, "values": {…}}, …], "count": false}'
        raise _refused([FieldError("", None, "is not an import of trials", remedy)])
    trials, count = raw["trials"], raw.get("count", False)
    found: list[FieldError] = []
    if not isinstance(count, bool):
        found.append(FieldError("count", shown(count), "is not true or false", "send one of them"))
    if not isinstance(trials, list) or not 0 < len(trials) <= IMPORTED:
        remedy = f"send 1 to {IMPORTED} trials, further ones in further requests"
        found.append(FieldError("trials", None, f"is not a list of 1 to {IMPORTED} trials", remedy))
        raise _refused(found)
    for index, trial in enumerate(trials):
        if len(found) < MOST:
            found += _problems(trial, f"trials[{index}]", space, objectives)
    if found:
        raise _refused(found)
    return tuple(_finished(trial, space) for trial in trials), count


def _refused(errors: list[FieldError]) -> Reject:
    first = f"{errors[0].field or 'the request'} {errors[0].message}"
    return Reject(f"the trials cannot be imported: {first}", errors[:MOST])


def _problems(
    trial: object, field: str, space: "Space", objectives: list[str]
) -> Iterator[FieldError]:
    if not isinstance(trial, dict) or not {"hyperparameters"} <= trial.keys() <= _FIELDS:
        remedy = f"give it {listed(sorted(_FIELDS))}, and nothing else"
        yield FieldError(field, shown(trial), "is not a finished trial", remedy)
        return
    yield from space.problems(trial["hyperparameters"], f"{field}.hyperparameters")
    state, reason = trial.get("state", TrialState.COMPLETE), trial.get("reason")
    if state not in _STATES:
        remedy = f"send one of {', '.join(_STATES)}, or leave it out"
        yield FieldError(f"{field}.state", shown(state), "is not the state of a result", remedy)
    if reason is not None and not (isinstance(reason, str) and len(reason) <= REASON_LENGTH):
        message = f"is not a text of at most {REASON_LENGTH} characters"
        yield FieldError(f"{field}.reason", shown(reason), message, "shorten it, or leave it out")
    yield from _value_problems(trial.get("values", {}), field, objectives if _must(state) else [])


def _must(state: object) -> bool:
    return state == TrialState.COMPLETE


def _value_problems(values: object, field: str, needed: list[str]) -> Iterator[FieldError]:
    if not isinstance(values, dict) or len(values) > METRICS:
        remedy = f"send an object of at most {METRICS} numbers by metric"
        yield FieldError(f"{field}.values", None, "is not an object of values", remedy)
        return
    for metric, value in values.items():
        if not is_metric_name(metric):
            message, remedy = (
                "is not the name of a metric",
                "use a short name without control codes",
            )
            yield FieldError(f"{field}.values", shown(metric), message, remedy)
        elif not _is_value(value):
            remedy = 'send a number, "NaN", "Infinity" or "-Infinity"'
            yield FieldError(f"{field}.values.{metric}", shown(value), "is not a number", remedy)
    for metric in needed:
        if metric not in values:
            remedy = 'give the value, or "state": "FAIL"'
            yield FieldError(f"{field}.values.{metric}", None, "is missing", remedy)


def _is_value(value: object) -> bool:
    if isinstance(value, str):
        return value in ("NaN", "Infinity", "-Infinity")
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finished(trial: Mapping[str, Any], space: "Space") -> Finished:
    return Finished(
        hyperparameters=space.canonical(trial["hyperparameters"]),
        values={metric: _stored(value) for metric, value in trial.get("values", {}).items()},
        state=TrialState(trial.get("state", TrialState.COMPLETE)),
        reason=trial.get("reason"),
    )


def _stored(value: Number) -> Number:
    return plain(number(value))
