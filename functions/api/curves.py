"""The reports of some trials, each metric as one array beside the steps."""

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.api.columns import by_name, numbers_in
from functions.http import json_answer
from tunelet.core.trial import Report, Trial, number

if TYPE_CHECKING:
    from tunelet.service import Service

Json = dict[str, Any]

MOST_CURVES = 500


def curves(call: Call) -> Response:
    """Show curves: the reports of the trials in `numbers`, thinned to what `points` allows."""
    numbers, points = numbers_in(call.query.get("numbers")), call.query.get("points")
    return json_answer(curves_of(call.service, call.namespace, call.name, numbers, points))


def curves_of(
    service: "Service", namespace: str, name: str, numbers: Collection[int], points: int | None
) -> Json:
    """Return the answer of `curves`."""
    found = service.some(namespace, name, numbers)
    return {"curves": [_curve(trial, points) for trial in found]}


def _curve(trial: Trial, points: int | None) -> Json:
    reports = trial.reports if points is None else thinned(trial.reports, points)
    return {
        "number": trial.number,
        "state": trial.state,
        "attempts": [report.attempt for report in reports],
        "steps": [report.step for report in reports],
        "values": by_name([report.values for report in reports]),
    }


def thinned(reports: Sequence[Report], points: int) -> Sequence[Report]:
    """Return about `points` of the reports for each metric: a picture of them looks like all.

    They are the first, the last, and of equal parts between them the least and the largest value
    of each metric, so that no peak is lost.
    """
    if len(reports) <= points:
        return reports
    parts = max(1, points // 2)
    bounds = [part * len(reports) // parts for part in range(parts + 1)]
    kept = {0, len(reports) - 1}
    for start, end in pairwise(bounds):
        kept.update(_extremes(reports, range(start, end)))
    return [reports[place] for place in sorted(kept)]


def _extremes(reports: Sequence[Report], places: range) -> Iterator[int]:
    """Yield where each metric is least and where it is largest, of its finite values."""
    metrics = {metric for place in places for metric in reports[place].values}
    for metric in metrics:
        values = {place: number(reports[place].values.get(metric, "NaN")) for place in places}
        finite = [place for place in places if math.isfinite(values[place])]
        if finite:
            yield min(finite, key=values.__getitem__)
            yield max(finite, key=values.__getitem__)
