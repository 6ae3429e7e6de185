"""An experiment's history as a table: a row for each trial, or for each report.

The columns of a trial are its own fields, then `hyperparameters.NAME` for each name of the
space, `values.METRIC` for each metric that any trial has reported, the objectives first, and
`attributes.NAME` for each attribute that any trial has; a nested one is a text of JSON. A
hyperparameter that is not active in a trial is empty. Times are UTC.

The trials are read again for each pass, so that only a few are in memory at a time.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    # A client without the service's packages writes tables, too.
    from tunelet.core.experiment import Experiment
    from tunelet.core.trial import Trial

Row = dict[str, Any]
Trials = Callable[[], "Iterable[Trial]"]

_ABSENT = object()
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-][0-9.]+([eE][+-]?[0-9]+)?")


class TrialTable(NamedTuple):
    """Rows lack the columns in which they have nothing."""

    columns: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]


def trials_table(experiment: "Experiment", trials: Trials) -> TrialTable:
    own = (
        *("number", "state", "attempt", "created_at", "started_at", "finished_at", "seconds"),
        *("reason", "enqueued", "note", "retry_of", "parent", "exit_code"),
    )
    metrics, attributes = _names(experiment, trials())
    columns = (
        *own,
        *(f"hyperparameters.{name}" for name in experiment.space),
        *(f"values.{metric}" for metric in metrics),
        *(f"attributes.{name}" for name in attributes),
    )
    return TrialTable(columns, lambda: map(_trial_row, map(experiment.noted, trials())))


def reports_table(experiment: "Experiment", trials: Trials) -> TrialTable:
    columns = ("number", "attempt", "step")
    metrics, _ = _names(experiment, trials())
    values = (f"values.{metric}" for metric in metrics)
    return TrialTable((*columns, *values), lambda: _report_rows(trials()))


def write_csv(table: TrialTable, out: TextIO) -> None:
    """RFC 4180. Values other than text are as in JSON; NaN and Infinity as such.

    A text that a spreadsheet would take for a formula has an apostrophe before it, and control
    characters, which a terminal would obey, are written out. The other forms have both as they are.
    """
    rows = csv.writer(out)
    rows.writerow(map(_harmless, table.columns))
    for row in table.rows():
        rows.writerow([_cell(row.get(column, _ABSENT)) for column in table.columns])


def write_jsonl(table: TrialTable, out: TextIO) -> None:
    """An object a line, without what a row lacks; what is not finite is a string."""
    for row in table.rows():
        line = {column: _json(value) for column, value in row.items()}
        out.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")


def _names(
    experiment: "Experiment", trials: "Iterable[Trial]"
) -> tuple[Iterable[str], Iterable[str]]:
    """Return the metrics and the attributes of the trials, in the order in which they appear."""
    metrics = dict.fromkeys(objective.metric for objective in experiment.terms.objectives)
    attributes = dict[str, None]()
    for trial in trials:
        attributes |= dict.fromkeys(trial.attributes)
        metrics |= dict.fromkeys(trial.values)
        for report in trial.reports:
            metrics |= dict.fromkeys(report.values)
    return metrics, attributes


def _trial_row(trial: "Trial") -> Row:
    own = {
        "number": trial.number,
        "state": trial.state.value,
        "attempt": trial.attempt,
        "created_at": _time(trial.created_at),
        "started_at": _time(trial.started_at),
        "finished_at": _time(trial.finished_at),
        "seconds": trial.seconds,
        "reason": trial.reason,
        "enqueued": trial.enqueued,
        "note": trial.user_note,
        "retry_of": trial.retry_of,
        "parent": trial.parent,
        "exit_code": trial.exit_code,
    }
    given = {f"hyperparameters.{name}": each for name, each in trial.hyperparameters.items()}
    known = {name: each for name, each in own.items() if each is not None}
    return known | given | _values(trial) | attributes_of(trial.attributes)


def _report_rows(trials: "Iterable[Trial]") -> Iterator[Row]:
    for trial in trials:
        for report in trial.reports:
            place = {"number": trial.number, "attempt": report.attempt, "step": report.step}
            yield place | _values(report)


def attributes_of(attributes: Row) -> Row:
    """Return the columns of a trial's attributes."""
    return {
        f"attributes.{name}": json.dumps(each, ensure_ascii=False) if _is_nested(each) else each
        for name, each in attributes.items()
    }


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _values(source: Any) -> Row:
    return {f"values.{metric}": float(value) for metric, value in source.values.items()}


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _cell(value: Any) -> str:
    """Of a CSV row: an absent value is empty, the choice null is `null`."""
    if isinstance(value, str):
        return _harmless(value)
    if isinstance(value, datetime):
        return str(_json(value))
    return "" if value is _ABSENT else json.dumps(value)


def _harmless(text: str) -> str:
    shown = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    return f"'{shown}" if _FORMULA.match(shown) and not _NUMBER.fullmatch(shown) else shown


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    finite = not isinstance(value, float) or value - value == 0
    return value if finite else json.dumps(value)
