"""The service's JSON as text for people: numbers, times, and tables of plain cells.

Pure functions: the present time is an argument, and nothing here depends on terminals or HTML.
An absent value or time becomes an empty cell.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tunelet.client.trial import when
from tunelet.text.messages import brief

Json = dict[str, Any]

FINAL = ("COMPLETE", "STOPPED", "FAILED", "DAMAGED")
"""The states in which an experiment has ended."""

ENDED = ("COMPLETE", "PRUNED", "FAIL", "STOPPED")
"""The states in which a trial has ended."""

_LAST = 200
"""The most characters of a last line that are shown."""

_BARS = "▁▂▃▄▅▆▇█"


class Rows(NamedTuple):
    """Columns by their headings; every row has as many cells as there are headings."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def figure(value: object, digits: int = 5) -> str:
    """A value with at most `digits` significant digits; integers and texts as they are."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e6 else f"{value:.{digits}g}"


def assignment(hyperparameters: Mapping[str, object], digits: int = 5) -> str:
    return "  ".join(f"{name}={figure(value, digits)}" for name, value in hyperparameters.items())


def duration(seconds: float) -> str:
    """Two units at most: 0.4s, 42s, 3m 05s, 2h 10m, 4d 3h."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, days = minutes // 60, minutes // 1440
    if not minutes:
        return f"{rest}s"
    if not hours:
        return f"{minutes}m {rest:02}s"
    if not days:
        return f"{hours}h {minutes % 60:02}m"
    return f"{days}d {hours % 24}h"


def moment(text: str | None) -> float | None:
    """Seconds since the epoch of an ISO 8601 time; a time without a zone is in UTC."""
    parsed = when(text)
    return None if parsed is None else parsed.timestamp()


def ago(text: str | None, now: float) -> str:
    """How long ago: just now, 42s ago, 3m ago, 5h ago, 2d ago; empty if it is not known (1970)."""
    then = moment(text)
    if not then:
        return ""
    passed = now - then
    if passed < 2:
        return "just now"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if passed >= size:
            return f"{int(passed // size)}{unit} ago"
    return f"{int(passed)}s ago"


def elapsed(start: str | None, end: str | None, now: float) -> str:
    """The time from start to end, or until now where there is no end yet."""
    began = moment(start)
    return "" if began is None else duration((moment(end) or now) - began)


def sparkline(values: Iterable[float], width: int = 30) -> str:
    """A line of bars, the lowest value the lowest bar; long series are thinned to `width`."""
    known = [value for value in values if math.isfinite(value)]
    if len(known) > width:
        known = [known[index * (len(known) - 1) // (width - 1)] for index in range(width)]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    step = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(_BARS[round((value - low) / step)] for value in known)


def ended(experiment: Json) -> int:
    """How many trials have ended."""
    counts = experiment["counts"]
    # A service of an older version counts no stopped ones.
    return sum(counts.get(each, 0) for each in ("complete", "pruned", "failed", "stopped"))


def created(experiment: Json) -> int:
    """How many trials exist."""
    return sum(experiment["counts"].values())


def winners(answer: Json) -> list[Json]:
    """The best trial, or the Pareto front of several objectives; empty before the first.

    `answer` is an experiment, or what the API says of its best alone.
    """
    if "pareto" in answer:
        return list(answer["pareto"])
    return [answer["best"]] if answer.get("best") else []


def metrics(spec: Json) -> list[str]:
    return [objective["metric"] for objective in spec["objectives"]]


def score(trial: Json, spec: Json, digits: int = 5) -> str:
    """The objectives' values by name: loss=0.1234."""
    values = trial["values"]
    return assignment({m: values[m] for m in metrics(spec) if m in values}, digits)


def leading(experiment: Json, brief: bool = False) -> str:
    """The best so far in one cell; without the name of its metric if `brief`."""
    best = winners(experiment)
    if "pareto" in experiment and best:
        return f"{len(best)} on the Pareto front"
    shown = score(best[0], experiment["spec"]) if best else ""
    return shown.partition("=")[2] if brief else shown


def planned(experiment: Json) -> int | None:
    """Return how many trials it is to have; None for a study, whose callers decide."""
    spec = experiment["spec"]
    return None if "study" in spec else int(spec["max_trials"])


def progress(experiment: Json) -> str:
    """12 of 20 ended, 3 running, 1 failed; counts of nothing are left out."""
    counts, most = experiment["counts"], planned(experiment)
    parts = [
        f"{ended(experiment)} ended" if most is None else f"{ended(experiment)} of {most} ended"
    ]
    others = ("running", "waiting", "pruned", "failed", "stopped")
    parts += [f"{counts[key]} {key}" for key in others if counts.get(key)]
    return ", ".join(parts)


def experiment_table(experiments: Sequence[Json], now: float, brief: bool = False) -> Rows:
    """A row an experiment. `brief`: without the names of metrics, for a narrow screen."""
    header = ("NAME", "STATE", "TRIALS", "FAILED", "BEST", "ALGORITHM", "SUBMITTED")
    rows = tuple(
        (
            item["name"],
            item["state"],
            str(ended(item)) if planned(item) is None else f"{ended(item)}/{planned(item)}",
            str(item["counts"]["failed"] or ""),
            leading(item, brief),
            item["spec"]["hpo_algorithm"]["name"],
            ago(item["submitted_at"], now),
        )
        for item in experiments
    )
    return Rows(header, rows)


def trial_table(trials: Sequence[Json], spec: Json, now: float, best: Iterable[int] = ()) -> Rows:
    """A row a trial, a column a hyperparameter; the best ones are marked with a star."""
    names, goals, stars = list(spec["hyperparameters"]), metrics(spec), set(best)
    header = ("", "TRIAL", "STATE", *goals, *names, "TIME", "NOTE")
    rows = tuple(
        (
            "*" if trial["number"] in stars else "",
            str(trial["number"]),
            trial["state"],
            *(_cell(trial["values"], name) for name in goals),
            *(_cell(trial["hyperparameters"], name) for name in names),
            elapsed(trial["started_at"], trial["finished_at"], now),
            _note(trial),
        )
        for trial in trials
    )
    return Rows(header, rows)


def _cell(values: Mapping[str, object], name: str) -> str:
    return figure(values[name], 4) if name in values else ""


def _note(trial: Json) -> str:
    retried = f"attempt {trial['attempt']}" if trial["attempt"] > 1 else ""
    repeats = trial.get("retry_of")
    repeated = "" if repeats is None else f"retry of {repeats}"
    noted = trial.get("note") or ""
    return "; ".join(part for part in (repeated, retried, why(trial), noted) if part)


def failures(trials: Iterable[Json]) -> list[str]:
    """Why trials failed, in full: a line for each reason, with the numbers of its trials."""
    numbers: dict[str, list[int]] = {}
    for trial in trials:
        if trial["state"] == "FAIL" and trial.get("reason"):
            numbers.setdefault(why(trial), []).append(trial["number"])
    return [f"{_ranges(those)}: {why}" for why, those in numbers.items()]


def why(trial: Json) -> str:
    """The reason; of a training that failed by itself, with its last line, usually the error."""
    reason = trial.get("reason") or ""
    last = (trial.get("log_tail") or "").strip().rpartition("\n")[2]
    return (
        f"{reason}: {brief(last, _LAST)}" if reason and trial.get("exit_code") and last else reason
    )


def _ranges(numbers: Iterable[int]) -> str:
    """Rising numbers, neighbours joined: 0-3, 7."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in found)


def without_empty(table: Rows) -> Rows:
    """The table without the columns in which no row has anything."""
    keep = [i for i in range(len(table.header)) if any(row[i] for row in table.rows)]
    header, *rows = (tuple(line[i] for i in keep) for line in (table.header, *table.rows))
    return Rows(header, tuple(rows))
