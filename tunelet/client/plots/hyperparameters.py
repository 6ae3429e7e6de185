"""Plots of the objective over the hyperparameters."""

import math
from collections.abc import Mapping, Sequence

from tunelet.client import svg
from tunelet.client.plots.dimensions import (
    MOST,
    Dimension,
    by_importance,
    hyperparameter,
    most_important,
    named,
)
from tunelet.client.plots.measured import NONE, Json, completed, ranked
from tunelet.client.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Plot
from tunelet.client.trial import Trial

_BAR_LEFT, _MOST_BARS = 150, 16
_SLICE_HEIGHT, _MOST_ACROSS = 190, 3
_BAR = "#5b76d9"
_LINE_OF_TEXT = 12


def parallel(trials: Sequence[Trial], forms: Json, objective: Json) -> Plot:
    """A line for each completed trial from its value across its hyperparameters.

    Its colour is its rank, and the best is drawn last. A trial that lacks a hyperparameter has no
    line to that axis. Of many hyperparameters the most important ones have an axis.
    """
    forms, left_out = most_important(trials, forms, objective)
    known = svg.sampled([trial for trial, _ in ranked(trials, objective)])
    if not known:
        return svg.empty(NONE)
    shown = [named(objective["metric"], known, {})]
    shown += [hyperparameter(name, form) for name, form in forms.items()]
    room = (WIDTH - LEFT - RIGHT) / max(1, len(forms))
    axes = [dimension.axis(HEIGHT - BOTTOM - 6, TOP + 6) for dimension in shown]
    opacity = max(0.25, min(0.85, 60 / math.sqrt(len(known) * 20)))
    body = ""
    for rank, trial in enumerate(known):
        values = [dimension.at(trial) for dimension in shown]
        points = [
            (LEFT + place * room, axis.at(value))
            for place, (axis, value) in enumerate(zip(axes, values, strict=True))
            if value is not None
        ]
        colour = svg.ramp(1 - rank / max(1, len(known) - 1))
        body += svg.path(points, colour, 1, opacity)
    for place, dimension in enumerate(shown):
        body += _upright(dimension, LEFT + place * room, room, place, len(shown))
    return svg.picture(*_noted(body, HEIGHT, left_out))


def _upright(dimension: Dimension, at: float, room: float, place: int, count: int) -> str:
    """An axis of parallel coordinates: its name, and its ends or its choices."""
    anchor = "start" if place == 0 else "end" if place == count - 1 else "middle"
    body = svg.upright(at) + svg.text(at, HEIGHT - 4, svg.fitted(dimension.name, room - 4), anchor)
    if not dimension.names:
        low, high = (svg.fitted(svg.short(e), room - 4) for e in (dimension.low, dimension.high))
        body += svg.text(at, HEIGHT - BOTTOM + 14, low, anchor)
        return body + svg.text(at, TOP - 4, high, anchor)
    axis = dimension.axis(HEIGHT - BOTTOM - 6, TOP + 6)
    # Beside the axis, where the picture still has room.
    side, beside = (-5, "end") if place == count - 1 else (5, "start")
    apart = -(-_LINE_OF_TEXT * len(dimension.names) // (HEIGHT - TOP - BOTTOM))
    for value, name in axis.labels()[::apart]:
        body += svg.text(at + side, axis.at(value) + 4, svg.fitted(name, room - 10), beside)
    return body


def slices(trials: Sequence[Trial], forms: Json, objective: Json) -> Plot:
    """The value of each completed trial over each hyperparameter, in a small picture each.

    Of many hyperparameters the most important ones have one.
    """
    forms, left_out = most_important(trials, forms, objective)
    known = [trial for trial, _ in completed(trials, objective["metric"])]
    if not known:
        return svg.empty(NONE)
    across = 2 if len(forms) in (2, 4) else min(_MOST_ACROSS, len(forms))
    size = (WIDTH // across, _SLICE_HEIGHT)
    up = named(objective["metric"], known, {})
    body = ""
    for place, (name, form) in enumerate(forms.items()):
        down, beside = divmod(place, across)
        drawn = _dots(known, hyperparameter(name, form), up, size, radius=2)
        body += f'<g transform="translate({beside * size[0]} {down * _SLICE_HEIGHT})">{drawn}</g>'
    height = -(-len(forms) // across) * _SLICE_HEIGHT
    return svg.picture(*_noted(body, height, left_out))


def scatter(trials: Sequence[Trial], forms: Json, objective: Json, x: str, y: str) -> Plot:
    """A dot for each completed trial at two of its hyperparameters or metrics, or at its number.

    The number's name is "trial". The colour is the rank, and the best is drawn last. Raises
    `ValueError` for an unknown name.
    """
    known = [trial for trial, _ in ranked(trials, objective)]
    if not known:
        return svg.empty(NONE)
    return svg.picture(
        _dots(known, named(x, known, forms), named(y, known, forms), (WIDTH, HEIGHT), 3.5, True)
    )


def _dots(
    trials: Sequence[Trial],
    across: Dimension,
    up: Dimension,
    size: tuple[int, int],
    radius: float,
    by_rank: bool = False,
) -> str:
    """Both axes, and a dot for each trial that has a value on both.

    `by_rank`: the trials are ordered from the worst to the best, and have the colours of ranks.
    """
    x = across.axis(LEFT, size[0] - RIGHT)
    y = up.axis(size[1] - BOTTOM - 6, TOP + 6)
    found = ((across.spread(trial), up.spread(trial)) for trial in trials)
    points = svg.sampled([(a, b) for a, b in found if a is not None and b is not None])
    body = svg.grid(x, y, across.name, up.name, size)
    if not by_rank:
        return body + svg.dots(points, x, y, radius=radius)
    worst = max(1, len(points) - 1)
    return body + "".join(
        svg.dots([point], x, y, svg.ramp(1 - rank / worst), radius)
        for rank, point in enumerate(points)
    )


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
        middle = top + height / 2 + 4
        body += svg.text(_BAR_LEFT - 6, middle, svg.fitted(name, _BAR_LEFT - 6), "end")
        body += svg.rectangle(_BAR_LEFT, top, width, height, _BAR)
        label = f"{round(shares[name] * 100)} %"
        body += svg.text(_BAR_LEFT + width + 6, middle, label, "start")
    return svg.picture(body)


def two_of(trials: Sequence[Trial], forms: Json, objective: Json) -> tuple[str, str]:
    """Return what a scatter shows unless it is asked: the two most important hyperparameters.

    Of one alone, that one and the objective.
    """
    names = by_importance(trials, forms, objective)
    return names[0], names[1] if len(names) > 1 else objective["metric"]


def _noted(body: str, height: int, left_out: int) -> tuple[str, int]:
    """Return a picture's content and height, with a line about what it leaves out."""
    if not left_out:
        return body, height
    said = f"the {MOST} most important of {MOST + left_out} hyperparameters"
    return body + svg.text(4, height + 12, said, "start"), height + 18
