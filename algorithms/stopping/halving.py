"""Successive halving (ASHA: Li et al., MLSys 2020) and Hyperband (Li et al., JMLR 18, 2018).

The definitions are those of Optuna's SuccessiveHalvingPruner and HyperbandPruner. A trial reaches
rung k with its first report at step `min_resource * reduction_factor ** (rate + k)` or later. It
continues if it is then among the best 1 / `reduction_factor` of the trials that reached the rung.
If it is judged again before its next report, trials that reached the rung since then count, too.

"auto" takes the resource from the first complete trial, and then judges by all reports, earlier
ones too.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Callable
from typing import TYPE_CHECKING
from zlib import crc32

from algorithms.stopping.rules import OfTrials
from tunelet.core.curves import Curve, Curves, Index
from tunelet.core.problem import Objective
from tunelet.ports import StoppingRule

_NAME = "tunelet"
"""Part of the hash that gives a trial its bracket, like the study's name in Optuna."""


class Rungs:
    """The values with which trials reached each rung. `first` is the step of rung 0."""

    def __init__(
        self,
        objective: Objective,
        first: int,
        factor: int,
        bootstrap: int,
        takes_part: Callable[[int], bool] = lambda _number: True,
    ) -> None:
        self._sign = objective.sign
        self._first = first
        self._factor = factor
        self._bootstrap = bootstrap
        self._takes_part = takes_part
        self._reached: dict[int, list[tuple[int, float]]] = {}
        self._on: dict[int, list[float]] = {}

    def add(self, curve: Curve, start: int) -> None:
        if not self._takes_part(curve.number):
            return
        reached = self._reached.setdefault(curve.number, [])
        while reached and reached[-1][0] >= start:
            _, value = reached.pop()
            on = self._on[len(reached)]
            del on[bisect_left(on, value)]
        for place in range(start, len(curve.steps)):
            step, value = curve.steps[place], self._sign * curve.values[place]
            while step >= self.step(len(reached)) and not math.isnan(value):
                rung = len(reached)
                reached.append((place, value))
                insort(self._on.setdefault(rung, []), value)
                if not self.promotes(rung, value):
                    break

    def step(self, rung: int) -> int:
        return self._first * int(self._factor**rung)

    def promotes(self, rung: int, value: float) -> bool:
        """Whether the value, which is on the rung, is among the rung's best."""
        on = self._on[rung]
        best = on[max(len(on) // self._factor - 1, 0)]
        return len(on) > self._bootstrap and value <= best

    def stops(self, curve: Curve) -> str | None:
        """Return why to stop the trial, if its newest report reached a rung; None: it continues."""
        if not curve.steps or not self._takes_part(curve.number):
            return None
        newest = len(curve.steps) - 1
        reached = self._reached.get(curve.number, [])
        if math.isnan(curve.values[newest]) and curve.steps[newest] >= self.step(len(reached)):
            return f"its value at step {curve.steps[newest]} is NaN"
        for rung, (place, value) in enumerate(reached):
            if place < newest:
                continue
            if not self.promotes(rung, value):
                return (
                    f"{self._sign * value:g} at step {self.step(rung)} is not among the best of "
                    f"the {len(self._on[rung])} trials that reached it"
                )
        return None


class SuccessiveHalving(OfTrials):
    """ASHA. `min_resource` is the first rung's step; "auto": a 100th of the first complete trial.

    A rung stops every trial until `bootstrap_count` trials have reached it. Raises `ValueError` for
    settings out of range.
    """

    def __init__(
        self,
        *,
        min_resource: str | int = "auto",
        reduction_factor: int = 4,
        min_early_stopping_rate: int = 0,
        bootstrap_count: int = 0,
    ) -> None:
        _check(min_resource, "min_resource")
        if reduction_factor < 2:
            raise ValueError("reduction_factor must be at least 2")
        if bootstrap_count > 0 and min_resource == "auto":
            raise ValueError("bootstrap_count needs min_resource to be a number")
        self._resource = min_resource
        self._factor = reduction_factor
        self._rate = min_early_stopping_rate
        self._bootstrap = bootstrap_count

    def stops(self, curves: Curves, number: int) -> str | None:
        last = _first_complete(curves) if isinstance(self._resource, str) else 0
        if last is None:
            return None
        least = max(last // 100, 1) if isinstance(self._resource, str) else self._resource
        first, factor = least * self._factor**self._rate, self._factor
        objective, bootstrap = curves.objective, self._bootstrap
        rungs = curves.index(
            ("rungs", first, factor, bootstrap), lambda: Rungs(objective, first, factor, bootstrap)
        )
        return rungs.stops(curves[number])


class Hyperband(OfTrials):
    """Successive halving in brackets; the first rung of each is one rung above the one before.

    A trial's bracket follows from its number. Raises `ValueError` for settings out of range.
    """

    def __init__(
        self,
        *,
        min_resource: int = 1,
        max_resource: str | int = "auto",
        reduction_factor: int = 3,
        bootstrap_count: int = 0,
    ) -> None:
        _check(max_resource, "max_resource")
        if min_resource < 1 or reduction_factor < 2:
            raise ValueError("min_resource must be at least 1, and reduction_factor 2")
        if isinstance(max_resource, int) and max_resource < min_resource:
            raise ValueError("max_resource must not be less than min_resource")
        self._least, self._most = min_resource, max_resource
        self._factor = reduction_factor
        self._bootstrap = bootstrap_count

    def stops(self, curves: Curves, number: int) -> str | None:
        most: str | int | None = self._most
        if isinstance(most, str):
            last = _first_complete(curves)
            most = None if last is None else last + 1
        if most is None:
            return None
        budgets = self._budgets(int(most))
        mine = bracket(number, budgets)
        first, factor = self._least * self._factor**mine, self._factor
        objective, bootstrap = curves.objective, self._bootstrap
        rungs = curves.index(
            ("bracket", mine, first, factor, bootstrap, tuple(budgets)),
            lambda: Rungs(
                objective, first, factor, bootstrap, lambda one: bracket(one, budgets) == mine
            ),
        )
        return rungs.stops(curves[number])

    def _budgets(self, most: int) -> list[int]:
        brackets = max(math.floor(math.log(most / self._least, self._factor)) + 1, 1)
        return shares(brackets, self._factor)


def shares(brackets: int, factor: int) -> list[int]:
    """Return each bracket's share of the trials, as integer weights."""
    return [
        math.ceil(brackets * factor ** (brackets - 1 - place) / (brackets - place))
        for place in range(brackets)
    ]


def bracket(number: int, budgets: list[int]) -> int:
    """Return the bracket of the trial with this number, counted from 0."""
    drawn = crc32(f"{_NAME}_{number}".encode()) % sum(budgets)
    for bracket, budget in enumerate(budgets):
        drawn -= budget
        if drawn < 0:
            return bracket
    raise AssertionError("the budgets add up to their sum")


def _first_complete(curves: Curves) -> int | None:
    """The last step of the first trial that was complete with reports; None if there is none."""
    return curves.index("first complete", _FirstComplete).last


class _FirstComplete:
    def __init__(self) -> None:
        self.last: int | None = None

    def add(self, curve: Curve, _start: int) -> None:
        if self.last is None and curve.final is not None and curve.steps:
            self.last = curve.steps[-1]


def _check(resource: str | int, name: str) -> None:
    if resource != "auto" and (not isinstance(resource, int) or resource < 1):
        raise ValueError(f'{name} must be "auto" or at least 1')


if TYPE_CHECKING:
    _index: tuple[Callable[..., Index], ...] = (Rungs, _FirstComplete)
    _: tuple[type[StoppingRule], ...] = (SuccessiveHalving, Hyperband)
