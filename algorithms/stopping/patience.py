"""Patience: a trial that has not improved for long (Optuna's PatientPruner)."""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from algorithms.stopping.wording import shown
from tunelet.curves import Curves
from tunelet.ports import Objective, StoppingRule


class Patience:
    """Stops a trial whose last `patience` + 1 reports are all worse than its best before.

    By more than `min_delta`, that is.
    """

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        if patience < 0 or not min_delta >= 0:
            raise ValueError("patience and min_delta must be at least 0")
        self._recent = patience + 1
        self._min_delta = min_delta

    def stops(self, curves: Curves, number: int) -> str | None:
        curve = curves[number]
        if len(curve.steps) <= self._recent:
            return None
        before = curve.best[-self._recent - 1]
        since = best(curves.objective, curve.values[-self._recent :])
        slack = self._min_delta if curves.objective.direction == "minimize" else -self._min_delta
        if not curves.objective.better(before + slack, since):
            return None
        return (
            f"its last {self._recent} reports up to step {curve.steps[-1]} are no better than "
            f"{shown(since)}, and it had {shown(before)} before"
        )

    def ends(self, curves: Curves) -> str | None:
        return None


class Patient(Patience):
    """Asks another rule of Optuna only once patience is at its end."""

    def __init__(
        self, wrapped_pruner: dict[str, Any] | None, patience: int, min_delta: float = 0.0
    ) -> None:
        super().__init__(patience, min_delta)
        self._wrapped = None if wrapped_pruner is None else _made(wrapped_pruner)

    def stops(self, curves: Curves, number: int) -> str | None:
        # The wrapped rule keeps no state, so it need not be asked while patience lasts.
        reason = super().stops(curves, number)
        if reason is None or self._wrapped is None:
            return reason
        return self._wrapped.stops(curves, number)


def best(objective: Objective, values: Iterable[float]) -> float:
    """The best of the values that are numbers; NaN if there is none."""
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return math.nan
    return min(numbers) if objective.direction == "minimize" else max(numbers)


def _made(written: Mapping[str, Any]) -> StoppingRule:
    from algorithms.stopping.rows import nested

    return nested(written)


if TYPE_CHECKING:
    _: type[StoppingRule] = Patience
