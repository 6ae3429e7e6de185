"""What the trials of an experiment reported of its first objective, for the stopping rules.

A rule is asked at each report and may not go through all trials then. So it keeps what it
looks up in an index, which `Curves` feeds with each point once; an index follows from the
curves alone and is made anew in a process that lacks it.
"""

import math
from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from operator import is_
from typing import Protocol, TypeVar, cast

from tunelet.core.problem import Objective
from tunelet.core.trial import Report, Trial, TrialState, number

INDEXES = 32
"""Kept for an experiment; those not used for longest go first."""


class Curve:
    """One trial's reports, by ascending step. Values may be NaN or infinite."""

    __slots__ = ("best", "final", "number", "state", "steps", "values")

    def __init__(self, number: int, state: TrialState = TrialState.RUNNING) -> None:
        self.number = number
        self.state = state
        self.steps = array("q")
        self.values = array("d")
        self.best = array("d")
        """The best value up to each step; NaN only where there was nothing else so far."""
        self.final: float | None = None
        """The objective of a trial that is complete."""


class Index(Protocol):
    """What rules look up. It is kept under a key that tells it from all others."""

    def add(self, curve: Curve, start: int) -> None:
        """Take in the curve's points from place `start` on, and its end if it has ended.

        An earlier `start` than before replaces points: a later attempt reports a step again.
        Nothing comes after the end.
        """


I = TypeVar("I", bound=Index)  # noqa: E741


class Curves:
    """All curves by the trial's number; `finished` has those of ended trials as they ended."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.finished: list[int] = []
        self._curves: dict[int, Curve] = {}
        self._taken: dict[int, Trial] = {}
        self._unfinished: set[int] = set()
        self._indexes: OrderedDict[Hashable, Index] = OrderedDict()
        self._next = 0

    def __getitem__(self, number: int) -> Curve:
        return self._curves[number]

    def __contains__(self, number: int) -> bool:
        return number in self._curves

    def __iter__(self) -> Iterator[Curve]:
        return iter(self._curves.values())

    def index(self, key: Hashable, make: Callable[[], I]) -> I:
        """The index of this key, which knows all that was taken in."""
        found = self._indexes.get(key)
        if found is None:
            found = make()
            for curve in self:
                found.add(curve, 0)
            self._indexes[key] = found
            if len(self._indexes) > INDEXES:
                self._indexes.popitem(last=False)
        self._indexes.move_to_end(key)
        return cast(I, found)

    def unfinished(self, next_number: int) -> list[int]:
        """The trials below `next_number` whose end was not taken in, by number."""
        self._unfinished.update(range(self._next, next_number))
        self._next = max(self._next, next_number)
        return sorted(self._unfinished)

    def take(self, trial: Trial) -> None:
        """Take in what is new of the trial. Taking it in again changes nothing."""
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
        """Bring the points up to date; the place of the first new one."""
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
