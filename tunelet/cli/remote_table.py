"""The rows of an export from a service's answers, in place of the log.

The columns and their order are those of `tunelet.export`, without what the API does not have: a
trial's `seconds`, and the attempt of a report.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tunelet.export import Row, TrialTable, attributes_of

if TYPE_CHECKING:
    from tunelet.client import Client

_TIMES = ("created_at", "started_at", "finished_at")
_OWN = (
    *("number", "state", "attempt", *_TIMES),
    *("reason", "enqueued", "note", "retry_of", "parent", "exit_code"),
)


def trials_table(client: "Client", name: str) -> TrialTable:
    """A row for each trial. Raises `NotFound`."""
    spec = client.experiment(name).json["spec"]
    metrics, attributes = _names(spec, client.trials(name))
    columns = (
        *_OWN,
        *(f"hyperparameters.{each}" for each in spec["hyperparameters"]),
        *(f"values.{metric}" for metric in metrics),
        *(f"attributes.{each}" for each in attributes),
    )
    return TrialTable(columns, lambda: map(_trial_row, client.trials(name)))


def reports_table(client: "Client", name: str) -> TrialTable:
    """A row for each report. Raises `NotFound`."""
    spec = client.experiment(name).json["spec"]
    metrics, _ = _names(spec, client.trials(name))
    values = (f"values.{metric}" for metric in metrics)
    return TrialTable(("number", "step", *values), lambda: _report_rows(client.trials(name)))


def _names(spec: Any, trials: Iterable[Any]) -> tuple[Iterable[str], Iterable[str]]:
    """Return the metrics and the attributes of the trials, in the order in which they appear."""
    metrics = dict.fromkeys(each["metric"] for each in spec["objectives"])
    attributes = dict[str, None]()
    for trial in trials:
        attributes |= dict.fromkeys(trial["attributes"])
        metrics |= dict.fromkeys(trial["values"])
        for report in trial["reports"]:
            metrics |= dict.fromkeys(report["values"])
    return metrics, attributes


def _trial_row(trial: Any) -> Row:
    own = {each: trial[each] for each in _OWN if trial[each] is not None}
    own |= {each: datetime.fromisoformat(own[each]) for each in _TIMES if each in own}
    given = {f"hyperparameters.{name}": each for name, each in trial["hyperparameters"].items()}
    return own | given | _values(trial) | attributes_of(trial["attributes"])


def _report_rows(trials: Iterable[Any]) -> Iterator[Row]:
    for trial in trials:
        for report in trial["reports"]:
            yield {"number": trial["number"], "step": report["step"]} | _values(report)


def _values(source: Any) -> Row:
    return {f"values.{metric}": float(value) for metric, value in source["values"].items()}
