"""Ray Tune's AsyncHyperBandScheduler and MedianStoppingRule, by their definitions.

Source: ray.tune.schedulers of Ray 2; a test compares both with the library. A report's step is
Ray's `training_iteration`. Ray ends a trial at `max_t`; here the training code itself must end.
"""

import math
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

from algorithms.stopping.rules import OfTrials, quantile
from tunelet.core.curves import Curve, Curves, Index
from tunelet.core.problem import Objective
from tunelet.ports import StoppingRule


class Milestones:
    """Each trial's value at its first report at or beyond each milestone. Larger is better."""

    def __init__(
        self,
        objective: Objective,
        steps: Sequence[float],
        takes_part: Callable[[int], bool] = lambda _number: True,
    ) -> None:
        self._sign = -objective.sign
        self._steps = sorted(steps, reverse=True)
        self._takes_part = takes_part
        self._on: dict[float, list[float]] = {step: [] for step in steps}
        self._recorded: dict[int, dict[float, tuple[int, float]]] = {}

    def add(self, curve: Curve, start: int) -> None:
        if not self._takes_part(curve.number):
            return
        recorded = self._recorded.setdefault(curve.number, {})
        for old in [one for one, (place, _) in recorded.items() if place >= start]:
            self._remove(old, recorded.pop(old)[1])
        for place in range(start, len(curve.steps)):
            step, value = curve.steps[place], self._sign * curve.values[place]
            unseen = (one for one in self._steps if one <= step and one not in recorded)
            if (milestone := next(unseen, None)) is not None:
                recorded[milestone] = (place, value)
                if not math.isnan(value):
                    insort(self._on[milestone], value)

    def reached(self, curve: Curve) -> tuple[float, float, list[float]] | None:
        """Return the milestone that the newest report reached, its value, and the other trials'.

        None if it reached none.
        """
        newest = len(curve.steps) - 1
        for milestone, (place, value) in self._recorded.get(curve.number, {}).items():
            if place == newest and not math.isnan(value):
                others = self._on[milestone].copy()
                others.pop(bisect_left(others, value))
                return milestone, value, others
        return None

    def last_is_recorded(self, curve: Curve) -> bool:
        """Whether an earlier report reached the last milestone."""
        newest = len(curve.steps) - 1
        last = self._recorded.get(curve.number, {}).get(self._steps[0])
        return last is not None and last[0] < newest

    def _remove(self, milestone: float, value: float) -> None:
        if not math.isnan(value):
            on = self._on[milestone]
            del on[bisect_left(on, value)]


class AsyncHyperBand(OfTrials):
    """Stops a trial that is outside the best 1 / `reduction_factor` at a milestone.

    Raises `ValueError` for settings out of range.
    """

    def __init__(
        self,
        *,
        max_t: int = 100,
        grace_period: int = 1,
        reduction_factor: float = 4,
        brackets: int = 1,
        stop_last_trials: bool = True,
    ) -> None:
        if not 0 < grace_period <= max_t or reduction_factor <= 1 or brackets < 1:
            raise ValueError(
                "max_t must be at least grace_period, reduction_factor more than 1, brackets 1"
            )
        self._factor = reduction_factor
        self._stop_last = stop_last_trials
        # int(), because Ray rounds down here.
        halvings = math.log(max_t / grace_period) / math.log(reduction_factor)
        self._brackets = [
            [grace_period * reduction_factor ** (k + s) for k in range(int(halvings - s + 1))]
            for s in range(brackets)
        ]

    def stops(self, curves: Curves, number: int) -> str | None:
        bracket = self._bracket(number)
        steps, objective = self._brackets[bracket], curves.objective
        if not steps:
            return None
        known = curves.index(
            ("milestones", bracket, len(self._brackets), *steps),
            lambda: Milestones(objective, steps, lambda one: self._bracket(one) == bracket),
        )
        curve = curves[number]
        found = known.reached(curve)
        if found is None or (not self._stop_last and known.last_is_recorded(curve)):
            return None
        milestone, value, others = found
        if not others:
            return None
        cutoff = quantile(others, (1 - 1 / self._factor) * 100)
        if not value < cutoff:
            return None
        sign = -objective.sign
        return (
            f"{sign * value:g} at step {milestone:g} is not among the best 1 in "
            f"{self._factor:g} of {len(others) + 1} trials ({sign * cutoff:g})"
        )

    def _bracket(self, number: int) -> int:
        """The trial's bracket, drawn with Ray's odds from the trial's number."""
        if len(self._brackets) == 1:
            return 0
        sizes = [len(bracket) for bracket in self._brackets]
        odds = list(accumulate(math.exp(size - max(sizes)) for size in sizes))
        return bisect_right(odds, Random(f"bracket/{number}").random() * odds[-1])


class Means:
    """The running sums of each trial's values from step `grace` on."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._sums: dict[int, tuple[array[int], array[float]]] = {}

    def add(self, curve: Curve, _start: int) -> None:
        begin = bisect_left(curve.steps, self._grace)
        self._sums[curve.number] = (
            curve.steps[begin:],
            array("d", accumulate(curve.values[begin:])),
        )

    def others(self, number: int, step: int) -> list[float]:
        """Return the finite means up to `step` of the other trials that reached it."""
        found = []
        for other, (steps, sums) in self._sums.items():
            if other != number and steps and steps[-1] >= step:
                count = bisect_right(steps, step)
                mean = sums[count - 1] / count if count else math.nan
                if math.isfinite(mean):
                    found.append(mean)
        return found


class MedianOfMeans(OfTrials):
    """Stops a trial whose best value is worse than the median of the others' running means.

    An answer takes time proportional to the number of trials.
    """

    def __init__(self, *, grace_period: float = 60.0, min_samples_required: int = 3) -> None:
        self._grace = grace_period
        self._least = min_samples_required

    def stops(self, curves: Curves, number: int) -> str | None:
        curve, grace = curves[number], self._grace
        if not curve.steps or curve.steps[-1] < grace:
            return None
        means = sorted(
            curves.index(("means", grace), lambda: Means(grace)).others(number, curve.steps[-1])
        )
        if not means or len(means) < self._least:
            return None
        middle, best = quantile(means, 50.0), curve.best[-1]
        if math.isnan(best) or not curves.objective.better(middle, best):
            return None
        return f"its best, {best:g}, is worse than the median of {len(means)} means ({middle:g})"


if TYPE_CHECKING:
    _index: tuple[Callable[..., Index], ...] = (Milestones, Means)
    _: tuple[type[StoppingRule], ...] = (AsyncHyperBand, MedianOfMeans)
