"""What a trial can be compared by: its number, the values measured in it, its hyperparameters."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tunelet.client.importance import bounds, importances, logarithmic
from tunelet.client.plots.measured import Json
from tunelet.client.svg import Axis, of_values
from tunelet.client.trial import Trial

MOST = 12
"""Of more hyperparameters the most important ones are drawn, as on the page."""
TRIAL = "trial"


class Dimension(NamedTuple):
    """Places trials along an axis from `low` to `high`."""

    name: str
    low: float
    high: float
    at: Callable[[Trial], float | None]
    """A trial's value; None if it has none."""
    log: bool = False
    whole: bool = False
    names: tuple[str, ...] = ()
    """Of the values 0, 1, and so on, if they are names."""

    def axis(self, start: float, end: float) -> Axis:
        return Axis(self.low, self.high, start, end, self.log, self.names, self.whole)

    def spread(self, trial: Trial) -> float | None:
        """Return a trial's value; those of names a little apart, the same way each time."""
        value = self.at(trial)
        if value is None or not self.names:
            return value
        return value + (trial.number * 2654435761 % 2**32 % 1000 / 1000 - 0.5) * 0.5


def hyperparameter(name: str, form: Json) -> Dimension:
    """Return the dimension of a hyperparameter: the whole of its search space."""
    if form["type"] != "categorical":
        low, high = bounds(form)

        def within(value: Any) -> float:
            return min(max(float(value), low), high)

        whole = form["type"] == "int"
        return Dimension(name, low, high, _given(name, within), logarithmic(form), whole)
    choices = [each["value"] if isinstance(each, dict) else each for each in form["choices"]]
    places = {(type(each), each): index for index, each in enumerate(choices)}

    def place(value: Any) -> float:
        return places.get((type(value), value), 0)

    names = tuple(map(str, choices))
    return Dimension(name, -0.5, len(names) - 0.5, _given(name, place), names=names)


def _given(name: str, place: Callable[[Any], float]) -> Callable[[Trial], float | None]:
    """Read a hyperparameter that a trial may lack."""

    def at(trial: Trial) -> float | None:
        given = trial.hyperparameters
        return place(given[name]) if name in given else None

    return at


def named(name: str, trials: Sequence[Trial], forms: Json) -> Dimension:
    """Return the dimension of a hyperparameter, of a metric, or "trial": their numbers.

    Raises `ValueError` if there is none of this name.
    """
    if name in forms:
        return hyperparameter(name, forms[name])
    if name == TRIAL:
        last = max((trial.number for trial in trials), default=0)
        return Dimension(TRIAL, 0, last or 1, lambda trial: float(trial.number), whole=True)

    def at(trial: Trial) -> float | None:
        value = trial.values.get(name, math.nan)
        return value if math.isfinite(value) else None

    values = [value for trial in trials if (value := at(trial)) is not None]
    if not values:
        metrics = sorted({metric for trial in trials for metric in trial.values})
        known = ", ".join([*forms, *metrics, TRIAL])
        raise ValueError(f"no trial has a value of {name!r}; known are: {known}")
    axis = of_values(values, 0, 1)
    return Dimension(name, axis.low, axis.high, at, axis.log)


def most_important(trials: Sequence[Trial], forms: Json, objective: Json) -> tuple[Json, int]:
    """Return the hyperparameters to draw, and how many are left out.

    All in their own order if they are few; else the most important ones first.
    """
    if len(forms) <= MOST:
        return forms, 0
    names = by_importance(trials, forms, objective)[:MOST]
    return {name: forms[name] for name in names}, len(forms) - MOST


def by_importance(trials: Sequence[Trial], forms: Json, objective: Json) -> list[str]:
    """Return the names of all hyperparameters, the most important ones first."""
    return [*dict.fromkeys([*importances(trials, forms, objective), *forms])]
