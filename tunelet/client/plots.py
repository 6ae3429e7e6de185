"""Plots of an experiment, for notebooks and files, in the look of the service's page."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tunelet.client import svg
from tunelet.client.importance import bounds, importances, logarithmic
from tunelet.client.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Plot
from tunelet.client.trial import Trial

Json = dict[str, Any]
Points = list[tuple[float, float]]

_BAR_LEFT, _MOST_BARS = 150, 16
_MOST_AXES = 12
"""Of more hyperparameters the most important ones are drawn, as on the page."""
_SLICE_HEIGHT, _MOST_ACROSS = 190, 3
_BAR = "#5b76d9"
_NONE = "no trial has completed"


def history(trials: Sequence[Trial], objective: Json, constraints: Sequence[Json] = ()) -> Plot:
    """Each trial's value by its number, and the best so far as a line.

    Trials that miss a constraint are grey, and none of them is the best.
    """
    metric = objective["metric"]
    known = _completed(trials, metric)
    if not known:
        return svg.empty(_NONE)
    x = Axis(0, max(trial.number for trial, _ in known) or 1, LEFT, WIDTH - RIGHT)
    y = svg.upward([value for _, value in known])
    pale = [(float(t.number), value) for t, value in known if not _feasible(t, constraints)]
    found = [(float(t.number), value) for t, value in known if _feasible(t, constraints)]
    body = svg.grid(x, y, "trial", metric)
    body += svg.dots(pale, x, y, svg.PALE) + svg.dots(found, x, y)
    if not found:
        return svg.picture(body)
    best = list(_best_so_far(found, objective["direction"] == "minimize"))
    line = " ".join(f"{x.at(at):.1f},{y.at(value):.1f}" for at, value in best)
    body += f'<polyline points="{line}" fill="none" stroke="{svg.LINE}" stroke-width="2"/>'
    return svg.picture(body)


def pareto(
    trials: Sequence[Trial],
    objectives: Sequence[Json],
    front: Iterable[int],
    constraints: Sequence[Json] = (),
) -> Plot:
    """The first two objectives of each trial; those of the Pareto front in another colour.

    Trials that miss a constraint are grey.
    """
    first, second = (objective["metric"] for objective in objectives[:2])
    known = [trial for trial in trials if trial.state == "COMPLETE"]
    points = {trial.number: (trial.values[first], trial.values[second]) for trial in known}
    points = {n: each for n, each in points.items() if all(map(math.isfinite, each))}
    if not points:
        return svg.empty(_NONE)
    x = svg.of_values([value for value, _ in points.values()], LEFT + 6, WIDTH - RIGHT - 6)
    y = svg.upward([value for _, value in points.values()])
    best = set(front)
    missed = {trial.number for trial in known if not _feasible(trial, constraints)} - best
    body = svg.grid(x, y, first, second)
    body += svg.dots([each for n, each in points.items() if n in missed], x, y, svg.PALE)
    body += svg.dots([each for n, each in points.items() if n not in best | missed], x, y)
    body += svg.dots([each for n, each in points.items() if n in best], x, y, svg.LINE, 4)
    return svg.picture(body)


def parallel(trials: Sequence[Trial], forms: Json, objective: Json) -> Plot:
    """A line for each completed trial across its hyperparameters and its value.

    Its colour is its rank, and the best is drawn last. A trial that lacks a hyperparameter has no
    line to that axis. Of many hyperparameters the most important ones have an axis.
    """
    forms, left_out = _most_important(trials, forms, objective)
    metric = objective["metric"]
    ranked = _completed(trials, metric)
    if not ranked:
        return svg.empty(_NONE)
    sign = 1 if objective["direction"] == "minimize" else -1
    ranked.sort(key=lambda each: -sign * each[1])
    values = svg.upward([value for _, value in ranked])
    known = svg.sampled(ranked)
    names, across = list(forms), (WIDTH - LEFT - RIGHT) / max(1, len(forms))
    axes = [_heights(forms[name]) for name in names]
    body = ""
    for rank, (trial, value) in enumerate(known):
        points = [
            (LEFT + place * across, at(trial.hyperparameters[name]))
            for place, (name, at) in enumerate(zip(names, axes, strict=True))
            if name in trial.hyperparameters
        ]
        points.append((LEFT + len(names) * across, values.at(value)))
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        colour = svg.ramp(1 - rank / max(1, len(known) - 1))
        opacity = max(0.25, min(0.85, 60 / math.sqrt(len(known) * 20)))
        body += f'<polyline points="{line}" fill="none" stroke="{colour}" opacity="{opacity:.2f}"/>'
    ends = [_ends(forms[name]) for name in names]
    ends.append((f"{values.low:.4g}", f"{values.high:.4g}"))
    for place, (name, (low, high)) in enumerate(zip([*names, metric], ends, strict=True)):
        anchor = "end" if place == len(names) else "start" if place == 0 else "middle"
        at = LEFT + place * across
        body += svg.upright(at) + svg.text(at, HEIGHT - 4, svg.fitted(name, across - 4), anchor)
        body += svg.text(at, HEIGHT - BOTTOM + 14, svg.fitted(low, across - 4), anchor)
        body += svg.text(at, TOP - 4, svg.fitted(high, across - 4), anchor)
    return svg.picture(*_noted(body, HEIGHT, left_out))


def slices(trials: Sequence[Trial], forms: Json, objective: Json) -> Plot:
    """The value of each completed trial over each hyperparameter, in a small picture each.

    Of many hyperparameters the most important ones have one.
    """
    forms, left_out = _most_important(trials, forms, objective)
    metric = objective["metric"]
    known = _completed(trials, metric)
    if not known:
        return svg.empty(_NONE)
    across = 2 if len(forms) in (2, 4) else min(_MOST_ACROSS, len(forms))
    width = WIDTH // across
    y = svg.upward([value for _, value in known], _SLICE_HEIGHT)
    body = ""
    for place, (name, form) in enumerate(forms.items()):
        x, at = _across(form, width)
        points: Points = [
            (at(trial.hyperparameters[name]), value)
            for trial, value in known
            if name in trial.hyperparameters
        ]
        down, beside = divmod(place, across)
        drawn = svg.grid(x, y, name, metric, (width, _SLICE_HEIGHT))
        drawn += svg.dots(points, x, y, radius=2)
        body += f'<g transform="translate({beside * width} {down * _SLICE_HEIGHT})">{drawn}</g>'
    height = -(-len(forms) // across) * _SLICE_HEIGHT
    return svg.picture(*_noted(body, height, left_out))


def importance(shares: Mapping[str, float], metric: str) -> Plot:
    """A bar for each hyperparameter: its share of the importance for `metric`."""
    if not shares:
        return svg.empty("too few trials have completed, or no hyperparameter matters")
    names = list(shares)[:_MOST_BARS]
    room = min(40.0, (HEIGHT - TOP - 8) / len(names))
    height, body = min(24.0, room * 0.7), svg.text(4, 12, f"importance for {metric}", "start")
    for index, name in enumerate(names):
        top = TOP + 6 + index * room
        width = shares[name] * (WIDTH - _BAR_LEFT - 48)
        body += svg.text(
            _BAR_LEFT - 6, top + height / 2 + 4, svg.fitted(name, _BAR_LEFT - 6), "end"
        )
        body += f'<rect x="{_BAR_LEFT}" y="{top:.1f}" width="{width:.1f}" '
        body += f'height="{height:.1f}" fill="{_BAR}"/>'
        label = f"{round(shares[name] * 100)} %"
        body += svg.text(_BAR_LEFT + width + 6, top + height / 2 + 4, label, "start")
    return svg.picture(body)


def _completed(trials: Sequence[Trial], metric: str) -> list[tuple[Trial, float]]:
    """Return the completed trials with their finite values of the metric."""
    found = ((trial, trial.values.get(metric, math.nan)) for trial in trials)
    return [(t, value) for t, value in found if t.state == "COMPLETE" and math.isfinite(value)]


def _feasible(trial: Trial, constraints: Sequence[Json]) -> bool:
    """Whether a trial meets the constraints, as `tunelet.core.problem` decides it."""
    return all(
        _bound(each.get("min"), -math.inf)
        <= trial.values.get(each["metric"], math.nan)
        <= _bound(each.get("max"), math.inf)
        for each in constraints
    )


def _bound(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _most_important(trials: Sequence[Trial], forms: Json, objective: Json) -> tuple[Json, int]:
    """Return the hyperparameters to draw, and how many are left out.

    All in their own order if they are few; else the most important ones first.
    """
    if len(forms) <= _MOST_AXES:
        return forms, 0
    names = [*dict.fromkeys([*importances(trials, forms, objective), *forms])][:_MOST_AXES]
    return {name: forms[name] for name in names}, len(forms) - _MOST_AXES


def _noted(body: str, height: int, left_out: int) -> tuple[str, int]:
    """Return a picture's content and height, with a line about what it leaves out."""
    if not left_out:
        return body, height
    said = f"the {_MOST_AXES} most important of {_MOST_AXES + left_out} hyperparameters"
    return body + svg.text(4, height + 12, said, "start"), height + 18


def _ends(form: Json) -> tuple[str, str]:
    """Return the lowest and the highest value on a hyperparameter's axis."""
    if form["type"] == "categorical":
        choices = _choices(form)
        return str(choices[0]), str(choices[-1]) if len(choices) > 1 else ""
    low, high = bounds(form)
    return f"{low:.4g}", f"{high:.4g}"


def _choices(form: Json) -> list[Any]:
    """Return the values of a categorical hyperparameter, without their weights."""
    return [each["value"] if isinstance(each, dict) else each for each in form["choices"]]


def _heights(form: Json) -> Callable[[Any], float]:
    """Return the height of each value on the axis of one hyperparameter."""
    place = _placing(form)
    if form["type"] == "categorical":
        axis = Axis(0, max(1, len(form["choices"]) - 1), HEIGHT - BOTTOM, TOP)
    else:
        axis = Axis(*bounds(form), HEIGHT - BOTTOM, TOP, logarithmic(form))
    return lambda value: axis.at(place(value))


def _across(form: Json, width: int) -> tuple[Axis, Callable[[Any], float]]:
    """Return the axis of a hyperparameter in a slice, and the place of a value on it."""
    if form["type"] == "categorical":
        names = tuple(map(str, _choices(form)))
        axis = Axis(-0.5, len(names) - 0.5, LEFT, width - RIGHT, names=names)
    else:
        axis = Axis(*bounds(form), LEFT, width - RIGHT, logarithmic(form))
    return axis, _placing(form)


def _placing(form: Json) -> Callable[[Any], float]:
    """Return a number for each value: the place of a choice, or the value within its bounds."""
    if form["type"] == "categorical":
        places = {(type(each), each): index for index, each in enumerate(_choices(form))}
        return lambda value: places.get((type(value), value), 0)
    low, high = bounds(form)
    return lambda value: min(max(float(value), low), high)


def _best_so_far(found: Points, minimize: bool) -> Iterator[tuple[float, float]]:
    """The corners of the staircase of best values."""
    best = None
    for at, value in found:
        if best is None or (value < best if minimize else value > best):
            if best is not None:
                yield at, best
            best = value
            yield at, best
    if best is not None:
        yield found[-1][0], best
