"""The trials that a plot shows, by what was measured in them."""

import math
from collections.abc import Sequence
from typing import Any

from tunelet.client.trial import Trial

Json = dict[str, Any]
Points = list[tuple[float, float]]

NONE = "no trial has completed"


def completed(trials: Sequence[Trial], metric: str) -> list[tuple[Trial, float]]:
    """Return the completed trials with their finite values of the metric."""
    found = ((trial, trial.values.get(metric, math.nan)) for trial in trials)
    return [(t, value) for t, value in found if t.state == "COMPLETE" and math.isfinite(value)]


def ranked(trials: Sequence[Trial], objective: Json) -> list[tuple[Trial, float]]:
    """Return the completed trials with their values, the worst first."""
    sign = 1 if objective["direction"] == "minimize" else -1
    return sorted(completed(trials, objective["metric"]), key=lambda each: -sign * each[1])


def feasible(trial: Trial, constraints: Sequence[Json]) -> bool:
    """Whether a trial meets the constraints, as `tunelet.core.problem` decides it."""
    return all(
        _bound(each.get("min"), -math.inf)
        <= trial.values.get(each["metric"], math.nan)
        <= _bound(each.get("max"), math.inf)
        for each in constraints
    )


def _bound(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
