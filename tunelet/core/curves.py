"""Learning curves: the reports of the first objective, by trial, for the stopping rules.

A rule is asked at each report and has no time to read all trials then. So it looks values up
in an index, which gets each point once from `Curves`. An index is derived from the curves
alone, so a process that lacks it rebuilds it.
"""

import math
from array import array
from collections.abc import Callable, Hashable, Iterator
from operator import is_
from typing import Protocol, TypeVar, cast

from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.problem import Objective
from tunelet.core.trial import Report, Trial, TrialState, number

INDEXES = 32
"""The most indexes kept for an experiment. The least recently used ones are dropped."""


class Curve:
    """One trial's reports, sorted by step. Values may be NaN or infinite."""

    __slots__ = ("best", "final", "number", "state", "steps", "values")

    def __init__(self, number: int, state: TrialState = TrialState.RUNNING) -> None:
        self.number = number
        self.state = state
        self.steps = array("q")
        self.values = array("d")
        self.best = array("d")
        """The best value up to each step; NaN only as long as all values are NaN."""
        self.final: float | None = None
        """The final objective of a COMPLETE trial."""


class Index(Protocol):
    """A derived structure in which a rule looks values up. Kept under a unique key."""

    def add(self, curve: Curve, start: int) -> None:
        """Add the curve's points from index `start` on, and its end if it has ended.

        A `start` before the end of the known points replaces points: a later attempt has reported
        a step again. No point comes after the end.
        """


I = TypeVar("I", bound=Index)  # noqa: E741


class Curves:
    """All curves by the trial's number; `finished` has the ended ones in the order of ending."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.finished: list[int] = []
        self._curves: dict[int, Curve] = {}
        self._taken: dict[int, Trial] = {}
        self._unfinished: set[int] = set()
        self._indexes = BoundedCache[Hashable, Index](count=INDEXES)
        self._next = 0

    def __getitem__(self, number: int) -> Curve:
        return self._curves[number]

    def __contains__(self, number: int) -> bool:
        return number in self._curves

    def __iter__(self) -> Iterator[Curve]:
        return iter(self._curves.values())

    def index(self, key: Hashable, make: Callable[[], I]) -> I:
        """Return the index with this key, up to date. `make` creates it the first time."""
        found = self._indexes.take(key)
        if found is None:
            found = make()
            for curve in self:
                found.add(curve, 0)
        self._indexes.put(key, found)
        return cast(I, found)

    def unfinished(self, next_number: int) -> list[int]:
        """Return the numbers below `next_number` of trials without a known end, sorted."""
        self._unfinished.update(range(self._next, next_number))
        self._next = max(self._next, next_number)
        return sorted(self._unfinished)

    def take(self, trial: Trial) -> None:
        """Add the trial's new reports and its end. Adding them again changes nothing."""
        curve = self._curves.get(trial.number)
        if curve is None:
            curve = self._curves[trial.number] = Curve(trial.number)
        elif curve.state.finished or self._taken.get(trial.number) is trial:
            return
        before = self._taken.get(trial.number)
        start = self._grown(curve, before.reports if before is not None else (), trial.reports)
        curve.state = trial.state
        if trial.state.finished:
            self._end(curve, trial)
        else:
            self._taken[trial.number] = trial
        for index in self._indexes.values():
            index.add(curve, start)

    def _end(self, curve: Curve, trial: Trial) -> None:
        metric = self.objective.metric
        if trial.state is TrialState.COMPLETE and metric in trial.values:
            curve.final = number(trial.values[metric])
        self.finished.append(trial.number)
        self._unfinished.discard(trial.number)
        self._taken.pop(trial.number, None)

    def _grown(self, curve: Curve, known: tuple[Report, ...], reports: tuple[Report, ...]) -> int:
        """Bring the points up to date; returns the index of the first new one."""
        if len(known) > len(reports) or not all(map(is_, known, reports)):
            known = ()
            del curve.steps[:], curve.values[:], curve.best[:]
        start = len(curve.steps)
        metric, better = self.objective.metric, self.objective.better
        best = curve.best[-1] if start else math.nan
        for report in reports[len(known) :]:
            if metric in report.values:
                value = number(report.values[metric])
                if math.isnan(best) or better(value, best):
                    best = value
                curve.steps.append(report.step)
                curve.values.append(value)
                curve.best.append(best)
        return start
