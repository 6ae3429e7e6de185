"""Tunelet's own stopping rules, with the definitions and the arguments of Optuna's pruners.

Source: optuna.pruners of Optuna 5; a test compares each with the library on random histories. An
answer about a trial takes time in its own reports, independent of the number of trials.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tunelet.core.curves import Curve, Curves, Index
from tunelet.core.problem import Objective
from tunelet.core.trial import TrialState
from tunelet.ports import StoppingRule


class OfTrials:
    """A rule that stops trials and never ends the whole experiment."""

    def ends(self, curves: Curves) -> str | None:
        return None


class Never(OfTrials):
    """Optuna's NopPruner and Ray's FIFOScheduler: stops nothing."""

    def stops(self, curves: Curves, number: int) -> str | None:
        return None


class Complete:
    """The values of complete trials by step, ascending and without NaN."""

    def __init__(self) -> None:
        self.trials = 0
        self._at: dict[int, tuple[int, list[float]]] = {}

    def add(self, curve: Curve, _start: int) -> None:
        if curve.state is not TrialState.COMPLETE:
            return
        self.trials += 1
        for step, value in zip(curve.steps, curve.values, strict=True):
            count, ordered = self.at(step)
            if not math.isnan(value):
                insort(ordered, value)
            self._at[step] = (count + 1, ordered)

    def at(self, step: int) -> tuple[int, list[float]]:
        """Return how many trials reported at this step, and their values without NaN."""
        return self._at.get(step, (0, []))


class Percentile(OfTrials):
    """Stops a trial whose best value is outside the best `percentile` percent at its step.

    Compares with the values of complete trials at exactly this step. Raises `ValueError` if
    `percentile` is not from 0 to 100.
    """

    def __init__(
        self,
        *,
        percentile: float,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        n_min_trials: int = 1,
    ) -> None:
        if not 0 <= percentile <= 100:
            raise ValueError("percentile must be from 0 to 100")
        self._percentile = percentile
        self._startup, self._least = n_startup_trials, n_min_trials
        self._warmup, self._interval = n_warmup_steps, interval_steps

    def stops(self, curves: Curves, number: int) -> str | None:
        curve, complete = curves[number], curves.index("complete", Complete)
        if complete.trials < max(self._startup, 1):
            return None
        if not _is_due(curve, self._warmup, self._interval):
            return None
        step, best = curve.steps[-1], curve.best[-1]
        if math.isnan(best):
            return f"every value up to step {step} is NaN"
        count, others = complete.at(step)
        if count < self._least or not others:
            return None
        minimize = curves.objective.direction == "minimize"
        bound = quantile(others, self._percentile if minimize else 100 - self._percentile)
        if not curves.objective.better(bound, best):
            return None
        return (
            f"its best, {best:g}, is not among the best {self._percentile:g} percent "
            f"at step {step} ({bound:g})"
        )


class Median(Percentile):
    """Stops a trial whose best value is worse than the median of the others at its step."""

    def __init__(
        self,
        *,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        n_min_trials: int = 1,
    ) -> None:
        super().__init__(
            percentile=50.0,
            n_startup_trials=n_startup_trials,
            n_warmup_steps=n_warmup_steps,
            interval_steps=interval_steps,
            n_min_trials=n_min_trials,
        )


class Threshold(OfTrials):
    """Stops a trial whose newest value is NaN, below `lower` or above `upper`.

    Raises `ValueError` without a bound.
    """

    def __init__(
        self,
        *,
        lower: float | None = None,
        upper: float | None = None,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
    ) -> None:
        if lower is None and upper is None:
            raise ValueError("give lower or upper")
        self._lower = -math.inf if lower is None else lower
        self._upper = math.inf if upper is None else upper
        self._warmup, self._interval = n_warmup_steps, interval_steps

    def stops(self, curves: Curves, number: int) -> str | None:
        curve = curves[number]
        if not _is_due(curve, self._warmup, self._interval):
            return None
        newest, step = curve.values[-1], curve.steps[-1]
        if self._lower <= newest <= self._upper:
            return None
        return (
            f"its value at step {step}, {newest:g}, is not from {self._lower:g} to {self._upper:g}"
        )


class Patience(OfTrials):
    """Stops a trial that has not improved by `min_delta` in its last `patience` + 1 reports.

    With `wrapped_pruner` (a rule's name, or name and settings), only if that rule stops it, too.
    Raises `ValueError` if `patience` or `min_delta` is negative.
    """

    def __init__(
        self, *, patience: int, min_delta: float = 0.0, wrapped_pruner: Any = None
    ) -> None:
        if patience < 0 or min_delta < 0:
            raise ValueError("patience and min_delta must not be negative")
        self._patience, self._delta = patience, min_delta
        self._wrapped = None if wrapped_pruner is None else _rule(wrapped_pruner)

    def stops(self, curves: Curves, number: int) -> str | None:
        sign = curves.objective.sign
        values = [sign * value for value in curves[number].values]
        if len(values) <= self._patience + 1:
            return None
        before = _least(values[: -self._patience - 1])
        since = _least(values[-self._patience - 1 :])
        if before is None or since is None or not before + self._delta < since:
            return None
        if self._wrapped is not None:
            return self._wrapped.stops(curves, number)
        return f"its last {self._patience + 1} reports are no better than those before"


class Plateau:
    """Ends the experiment if the last `patience` ended trials did not improve the objective.

    An improvement is larger than `min_delta`. A trial that is not complete is no improvement.
    Raises `ValueError` if `patience` is below 1, or `min_delta` negative.
    """

    def __init__(self, *, patience: int = 20, min_delta: float = 0.0) -> None:
        if patience < 1 or min_delta < 0:
            raise ValueError("patience must be at least 1, and min_delta not negative")
        self._patience, self._delta = patience, min_delta

    def stops(self, curves: Curves, number: int) -> str | None:
        return None

    def ends(self, curves: Curves) -> str | None:
        objective = curves.objective
        key = ("improvements", self._delta)
        known = curves.index(key, lambda: Improvements(objective, self._delta))
        if known.stale < self._patience or known.best is None:
            return None
        return f"{known.stale} trials in a row brought nothing better than {known.best:g}"


class Improvements:
    """The best objective so far, and the number of trials that have ended since."""

    def __init__(self, objective: Objective, delta: float) -> None:
        self._sign = objective.sign
        self._delta = delta
        self.best: float | None = None
        self.stale = 0

    def add(self, curve: Curve, _start: int) -> None:
        if not curve.state.finished:
            return
        final = curve.final
        if final is not None and not math.isnan(final) and self._improves(final):
            self.best, self.stale = final, 0
        elif self.best is not None:
            self.stale += 1

    def _improves(self, final: float) -> bool:
        return self.best is None or self._sign * final < self._sign * self.best - self._delta


def _rule(asked: str | Mapping[str, Any]) -> StoppingRule:
    """The stopping rule inside another one, from its name, or its name and settings."""
    from algorithms.catalog.installed import InstalledAlgorithms

    form: dict[str, Any] = {"name": asked} if isinstance(asked, str) else dict(asked)
    settings = form.pop("settings", {})
    name = form.pop("name", None)
    if not isinstance(name, str) or not isinstance(settings, dict) or form:
        raise ValueError('wrapped_pruner must be a name, or {"name", "settings"}')
    return InstalledAlgorithms().rule(name, settings)


def _is_due(curve: Curve, warmup: int, interval: int) -> bool:
    """Whether the newest report is the first since the last multiple of `interval` after `warmup`.

    False before `warmup`.
    """
    if not curve.steps or curve.steps[-1] < warmup:
        return False
    step = curve.steps[-1]
    mark = (step - warmup) // interval * interval + warmup
    return bisect_left(curve.steps, mark) == len(curve.steps) - 1


def quantile(ordered: Sequence[float], percent: float) -> float:
    """Return the percentile of sorted values, linear between the two nearest, as numpy does."""
    place = percent / 100 * (len(ordered) - 1)
    low = min(int(place), len(ordered) - 1)
    a, b = ordered[low], ordered[min(low + 1, len(ordered) - 1)]
    share = place - low
    if a == b or share == 0:
        return a
    return a + (b - a) * share if share < 0.5 else b - (b - a) * (1 - share)


def _least(values: Sequence[float]) -> float | None:
    return min((value for value in values if not math.isnan(value)), default=None)


if TYPE_CHECKING:
    _index: tuple[Callable[..., Index], ...] = (Complete, Improvements)
    _: tuple[type[StoppingRule], ...] = (Percentile, Median, Threshold, Patience, Plateau)
