"""Wilcoxon's signed-rank test against the best complete trial, as in Optuna's WilcoxonPruner.

It is for objectives that are a mean over instances, such as the folds of a cross-validation. The
step of a report is the instance.
"""

import math
from typing import TYPE_CHECKING

from algorithms.stopping.rules import OfTrials
from tunelet.core.curves import Curve, Curves, Index
from tunelet.core.problem import Objective
from tunelet.ports import StoppingRule


class Best:
    """The number of the best complete trial, the lowest if several are equal."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._best: tuple[float, int] | None = None

    @property
    def number(self) -> int | None:
        return None if self._best is None else self._best[1]

    def add(self, curve: Curve, _start: int) -> None:
        if curve.final is None or math.isnan(curve.final):
            return
        loss = self._objective.sign * curve.final
        self._best = min(self._best or (math.inf, curve.number), (loss, curve.number))


class Wilcoxon(OfTrials):
    """Stops a trial that is worse than the best one with a p-value below `p_threshold`.

    Raises `ValueError` for settings out of range.
    """

    def __init__(self, *, p_threshold: float = 0.1, n_startup_steps: int = 2) -> None:
        if not 0 <= p_threshold <= 1 or n_startup_steps < 0:
            raise ValueError("p_threshold must be from 0 to 1, and n_startup_steps not negative")
        self._threshold = p_threshold
        self._startup = n_startup_steps

    def stops(self, curves: Curves, number: int) -> str | None:
        objective = curves.objective
        best = curves.index("best", lambda: Best(objective)).number
        if best is None:
            return None
        sign = objective.sign
        mine, other = _signed(curves[number], sign), _signed(curves[best], sign)
        finite = all(map(math.isfinite, [*mine.values(), *other.values()]))
        differences = [mine[step] - other[step] for step in sorted(mine.keys() & other.keys())]
        if not finite or len(differences) < max(2, self._startup):
            return None
        from scipy.stats import wilcoxon

        p = float(wilcoxon(differences, alternative="greater", zero_method="zsplit").pvalue)
        # For safety: a trial with a better mean so far continues.
        better = _mean(mine) <= _mean(other)
        if p >= self._threshold or better:
            return None
        return f"worse than trial {best} on {len(differences)} steps (p = {p:.2g})"


def _signed(curve: Curve, sign: int) -> dict[int, float]:
    return {step: sign * value for step, value in zip(curve.steps, curve.values, strict=True)}


def _mean(values: dict[int, float]) -> float:
    return sum(values.values()) / len(values)


if TYPE_CHECKING:
    _index: Index = Best(Objective("loss", "minimize"))
    _: type[StoppingRule] = Wilcoxon
