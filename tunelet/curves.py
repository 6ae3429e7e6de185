"""What the trials of an experiment reported of its first objective, for the stopping rules."""

import math
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from tunelet.ports import Objective
from tunelet.trial import Trial, TrialState, number


@dataclass(slots=True)
class Curve:
    """One trial's reports, by ascending step. Values may be NaN or infinite."""

    number: int
    state: TrialState
    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    final: float | None = None
    """The objective of a trial that is complete."""


class Curves:
    """All curves by the trial's number; `finished` has those of ended trials as they ended."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.finished: list[int] = []
        self.complete = 0
        """How many trials are complete."""
        self._curves: dict[int, Curve] = {}
        self._at: dict[int, tuple[int, list[float]]] = {}
        self._taken: dict[int, Trial] = {}
        self._unfinished: set[int] = set()
        self._next = 0

    def __getitem__(self, number: int) -> Curve:
        return self._curves[number]

    def __contains__(self, number: int) -> bool:
        return number in self._curves

    def __iter__(self) -> Iterator[Curve]:
        return iter(self._curves.values())

    def unfinished(self, next_number: int) -> list[int]:
        """The trials below `next_number` whose end was not taken in, by number."""
        self._unfinished.update(range(self._next, next_number))
        self._next = max(self._next, next_number)
        return sorted(self._unfinished)

    def complete_at(self, step: int) -> tuple[int, list[float]]:
        """How many complete trials told a value at this step; their values without NaN, sorted."""
        return self._at.get(step, (0, []))

    def take(self, trial: Trial) -> None:
        """Take in what is new of the trial. Taking it in again changes nothing."""
        if self._taken.get(trial.number) is trial:
            return
        self._taken[trial.number] = trial
        metric = self.objective.metric
        curve = Curve(trial.number, trial.state)
        for report in trial.reports:
            if metric in report.values:
                curve.steps.append(report.step)
                curve.values.append(number(report.values[metric]))
        if trial.state is TrialState.COMPLETE and metric in trial.values:
            curve.final = number(trial.values[metric])
        before = self._curves.get(trial.number)
        if trial.state.finished and (before is None or not before.state.finished):
            self.finished.append(trial.number)
            self._unfinished.discard(trial.number)
            if trial.state is TrialState.COMPLETE:
                self._index(curve)
        self._curves[trial.number] = curve

    def _index(self, curve: Curve) -> None:
        self.complete += 1
        for step, value in zip(curve.steps, curve.values, strict=True):
            count, ordered = self._at.get(step, (0, []))
            if not math.isnan(value):
                insort(ordered, value)
            self._at[step] = (count + 1, ordered)
