"""Percentile and median: the trial's best value so far against what complete trials had then.

The semantics are those of Optuna's PercentilePruner and MedianPruner: only trials that are
COMPLETE are compared with, by their value at exactly the same step.
"""

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from algorithms.stopping.intervals import due
from algorithms.stopping.ranked import Ranked, percentile
from algorithms.stopping.wording import adjective, shown
from tunelet.curves import Curve, Curves, Index
from tunelet.ports import StoppingRule
from tunelet.trial import TrialState


class Complete:
    """The values of complete trials by step."""

    def __init__(self) -> None:
        self.trials = 0
        self._by_step: defaultdict[int, Ranked] = defaultdict(Ranked)

    def add(self, curve: Curve, _start: int) -> None:
        if curve.state is TrialState.COMPLETE:
            self.trials += 1
            for step, value in zip(curve.steps, curve.values, strict=True):
                self._by_step[step].add(value)

    def at(self, step: int) -> Ranked:
        return self._by_step.get(step) or Ranked()


class Percentile:
    """Stops a trial that is not among the best `percentile` percent at its step."""

    def __init__(
        self,
        percentile: float,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        if not 0 <= percentile <= 100:
            raise ValueError("percentile must be from 0 to 100")
        self._percentile = percentile
        self._startup = n_startup_trials
        self._warmup = n_warmup_steps
        self._interval = interval_steps
        self._min_trials = n_min_trials

    def stops(self, curves: Curves, number: int) -> str | None:
        curve, complete = curves[number], curves.index(Complete, Complete)
        if complete.trials < max(1, self._startup):
            return None
        if not due(curve, self._warmup, self._interval):
            return None
        step, best = curve.steps[-1], curve.best[-1]
        if math.isnan(best):
            return f"it has reported nothing but NaN up to step {step}"
        others = complete.at(step)
        if len(others) + others.nans < self._min_trials:
            return None
        minimize = curves.objective.direction == "minimize"
        bound = percentile(others, self._percentile if minimize else 100 - self._percentile)
        if not curves.objective.better(bound, best):
            return None
        name = "median" if self._percentile == 50 else f"percentile {self._percentile:g}"
        return (
            f"its best value {shown(best)} up to step {step} is {adjective(curves.objective)} the "
            f"{name} {shown(bound)} of {len(others)} complete trials there"
        )

    def ends(self, curves: Curves) -> str | None:
        return None


class Median(Percentile):
    def __init__(
        self,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        super().__init__(
            50.0, n_startup_trials, n_warmup_steps, interval_steps, n_min_trials=n_min_trials
        )


if TYPE_CHECKING:
    _: type[StoppingRule] = Percentile
    _index: type[Index] = Complete
