"""Trials that were made elsewhere, as Python and its libraries have them, for an import.

A source is a list of trials, a DataFrame of pandas or polars with a row for each, a study of Optuna
or the `Trials` of Hyperopt.

In a row, and in a flat dict, a hyperparameter is in the column of its name, with or without
`hyperparameters.` or `params_` before it, and a metric in that of its name, with or without
`values.`; the value of the only objective may be in `value` or `loss`. So what `tunelet export`,
`dataframe()` and Optuna's `trials_dataframe()` write can be read. Other columns are left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tunelet.errors import Reject
from tunelet.interop.cells import Form, fitting, is_empty, measured
from tunelet.interop.library_trials import is_hyperopts, is_study, of_hyperopt, of_study

Json = dict[str, Any]
Row = Mapping[str, Any]

_ENDED = ("COMPLETE", "PRUNED", "FAIL")


class FinishedTrials(NamedTuple):
    trials: list[Json]
    skipped: int
    """Trials without a result: they run, wait, or were stopped."""


def finished(source: Any, spec: Mapping[str, Any]) -> FinishedTrials:
    """Return the source's trials as a request to import them has them.

    `spec` is that of the experiment that takes them. Raises `Reject` if the source is none of the
    above, or has other objectives.
    """
    found = [_trial(row, spec) for row in _rows(source, spec)]
    trials = [trial for trial in found if trial is not None]
    return FinishedTrials(trials, len(found) - len(trials))


def _rows(source: Any, spec: Mapping[str, Any]) -> Iterable[Row]:
    if is_study(source):
        return of_study(source, spec)
    if is_hyperopts(source):
        return of_hyperopt(source, spec)
    if hasattr(source, "to_dicts"):
        source = source.to_dicts()
    elif hasattr(source, "to_dict") and hasattr(source, "columns"):
        source = source.to_dict("records")
    return _mappings(source)


def _mappings(source: Any) -> list[Row]:
    if isinstance(source, Mapping | str) or not isinstance(source, Iterable):
        kind = type(source).__name__
        raise Reject(f"a {kind} is no list of trials: give a list, a DataFrame, a study or Trials")
    rows = list(source)
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise Reject(f"trial {place} is a {type(row).__name__}: give a dict for each trial")
    return rows


def _trial(row: Row, spec: Mapping[str, Any]) -> Json | None:
    """Return the trial of a row; None if it has no result."""
    state = row.get("state", "COMPLETE")
    state = str(getattr(state, "name", state)).upper()
    if state not in _ENDED:
        return None
    forms = spec["hyperparameters"]
    given = row["hyperparameters"] if _has(row, "hyperparameters") else _given(row, forms)
    values = row["values"] if _has(row, "values") else _measured(row, spec["objectives"])
    trial = {
        "hyperparameters": {name: fitting(forms.get(name), each) for name, each in given.items()},
        "values": {metric: measured(value) for metric, value in values.items()},
    }
    return trial if state == "COMPLETE" else {**trial, "state": state}


def _has(row: Row, part: str) -> bool:
    return isinstance(row.get(part), Mapping)


def _given(row: Row, forms: Mapping[str, Form]) -> Json:
    found = {}
    for name, form in forms.items():
        columns = (f"hyperparameters.{name}", f"params_{name}", name)
        cells = [row[column] for column in columns if column in row]
        if cells and not is_empty(cells[0], form):
            found[name] = cells[0]
    return found


def _measured(row: Row, objectives: list[Mapping[str, Any]]) -> Json:
    found = {
        name.removeprefix("values."): cell
        for name, cell in row.items()
        if name.startswith("values.") and not is_empty(cell)
    }
    for place, objective in enumerate(objectives):
        metric = objective["metric"]
        columns = (metric, f"values_{place}", *(("value", "loss") if len(objectives) == 1 else ()))
        cells = [row[column] for column in columns if column in row and not is_empty(row[column])]
        if metric not in found and cells:
            found[metric] = cells[0]
    return found
