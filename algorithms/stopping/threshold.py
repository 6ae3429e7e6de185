"""Threshold: a value out of bounds, or NaN, ends the trial (Optuna's ThresholdPruner)."""

import math
from typing import TYPE_CHECKING

from algorithms.stopping.intervals import due
from algorithms.stopping.wording import shown
from tunelet.curves import Curves
from tunelet.ports import StoppingRule


class Threshold:
    def __init__(
        self,
        lower: float | None = None,
        upper: float | None = None,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
    ) -> None:
        if lower is None and upper is None:
            raise ValueError("lower or upper is needed")
        self._lower = -math.inf if lower is None else lower
        self._upper = math.inf if upper is None else upper
        if self._lower > self._upper:
            raise ValueError("lower must not be above upper")
        self._warmup = n_warmup_steps
        self._interval = interval_steps

    def stops(self, curves: Curves, number: int) -> str | None:
        curve = curves[number]
        if not due(curve, self._warmup, self._interval):
            return None
        step, value = curve.steps[-1], curve.values[-1]
        if math.isnan(value):
            return f"its value at step {step} is NaN"
        if value < self._lower:
            return f"its value {shown(value)} at step {step} is below {shown(self._lower)}"
        if value > self._upper:
            return f"its value {shown(value)} at step {step} is above {shown(self._upper)}"
        return None

    def ends(self, curves: Curves) -> str | None:
        return None


class Nothing:
    """Stops nothing (Optuna's NopPruner)."""

    def stops(self, curves: Curves, number: int) -> str | None:
        return None

    def ends(self, curves: Curves) -> str | None:
        return None


if TYPE_CHECKING:
    _: tuple[type[StoppingRule], ...] = (Threshold, Nothing)
