"""Limits on the reports of a trial, so that no trial fills its experiment's log."""

from bisect import bisect_left
from collections.abc import Collection, Iterable
from typing import NamedTuple

from tunelet.core.trial import Report, Trial, number, plain
from tunelet.text.limits import METRICS, REPORTS_BYTES, STEPS

_VALUE_BYTES = 26
"""Bytes of a value in JSON, with its separators."""
_REPORT_BYTES = 40


class News(NamedTuple):
    """Reports that a trial does not have yet."""

    reports: tuple[Report, ...]
    """The reports that fit."""
    beyond: str | None
    """The limit that the other reports exceed; None if all fit."""


def news(
    trial: Trial,
    attempt: int,
    reports: Iterable[Report],
    named: Collection[str],
    steps: int = STEPS,
) -> News:
    """Return the reports that the attempt has not made before.

    The first value of a metric at a step is kept. `named` are the metrics that the experiment
    names: any number of other metrics may precede them. The trial may have `steps` steps.
    """
    room = _Room(trial, named, min(steps, STEPS))
    new: dict[int, Report] = {}
    for report in reports:
        added = new[report.step].values if report.step in new else {}
        old = _at(trial, report.step)
        seen = {*added, *(old.values if old is not None and old.attempt == attempt else ())}
        values = {
            metric: plain(number(value))
            for metric, value in report.values.items()
            if metric not in seen and room.takes(report.step, metric, old is not None)
        }
        if values:
            new[report.step] = Report(step=report.step, values=values | added, attempt=attempt)
    return News(tuple(new.values()), room.beyond)


class _Room:
    def __init__(self, trial: Trial, named: Collection[str], steps: int) -> None:
        self._known, self._named = trial.values, named
        self._names, self._steps = set[str](), set[int]()
        self._names_left = METRICS - len(trial.values)
        self._most_steps = steps
        self._steps_left = steps - len(trial.reports)
        self._bytes_left = REPORTS_BYTES - _size(trial)
        self.beyond: str | None = None

    def takes(self, step: int, metric: str, known_step: bool) -> bool:
        """Whether there is room for a value; if so, reserve it."""
        new_name = metric not in self._known and metric not in self._names
        new_step = not known_step and step not in self._steps
        size = _name_bytes(metric) + _VALUE_BYTES + new_step * _REPORT_BYTES
        if new_step and self._steps_left <= 0:
            self.beyond = f"{self._most_steps} steps"
        elif new_name and self._names_left <= 0 and metric not in self._named:
            self.beyond = f"{METRICS} metrics"
        elif size > self._bytes_left:
            self.beyond = f"{REPORTS_BYTES >> 20} MiB of reports"
        else:
            self._take(step if new_step else None, metric if new_name else None, size)
            return True
        return False

    def _take(self, step: int | None, metric: str | None, size: int) -> None:
        if step is not None:
            self._steps.add(step)
            self._steps_left -= 1
        if metric is not None:
            self._names.add(metric)
            self._names_left -= metric not in self._named
        self._bytes_left -= size


def _size(trial: Trial) -> int:
    """Return about how many bytes the trial's reports take, and 0 if they are certainly few.

    Adding all of them up at each new report would take longer the more there are.
    """
    each = _weight(trial.values) + _REPORT_BYTES
    if each * len(trial.reports) < REPORTS_BYTES // 2:
        return each * len(trial.reports)
    return sum(_REPORT_BYTES + _weight(report.values) for report in trial.reports)


def _weight(values: Collection[str]) -> int:
    return sum(map(_name_bytes, values)) + _VALUE_BYTES * len(values)


def _name_bytes(metric: str) -> int:
    """Return the bytes of the name in JSON: up to four per character, and quotes are escaped."""
    return len(metric.encode()) + metric.count('"') + metric.count("\\")


def _at(trial: Trial, step: int) -> Report | None:
    """Return the trial's report at this step; None if there is none."""
    place = bisect_left(trial.reports, step, key=lambda report: report.step)
    for report in trial.reports[place : place + 1]:
        if report.step == step:
            return report
    return None
