"""Plots of an experiment as SVG, for notebooks and files: no library, no network.

Colours are readable on light and on dark backgrounds; axes and text take the page's own colour.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from tunelet.client.importance import bounds, logarithmic
from tunelet.client.trial import Trial

Json = dict[str, Any]

WIDTH, HEIGHT = 640, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 18, 36
_DOT, _LINE = "#4c8bf5", "#e8710a"
_BAR_LEFT, _MOST_BARS = 150, 16
_MOST_DOTS = 2000
"""Trials drawn one by one; of more, the newest."""


class Plot:
    """An SVG picture. A notebook shows it; `save` writes it to a file."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """Write the picture to an .svg file."""
        Path(path).write_text(self.svg, encoding="utf-8")


class _Axis(NamedTuple):
    """Maps values from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, here = (self._scaled(each) for each in (self.low, self.high, value))
        share = (here - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Four or five round values."""
        if self.log:
            first = math.ceil(math.log10(self.low) - 1e-9)
            last = math.floor(math.log10(self.high) + 1e-9)
            step = max(1, (last - first) // 4)
            return [10.0**power for power in range(first, last + 1, step)] or [self.low, self.high]
        if self.high <= self.low:
            return [self.low]
        raw = (self.high - self.low) / 6
        unit = 10.0 ** math.floor(math.log10(raw))
        size = next(unit * f for f in (1, 2, 2.5, 5, 10) if unit * f >= raw)
        lowest, highest = math.ceil(self.low / size), math.floor(self.high / size + 1e-9)
        return [index * size for index in range(lowest, highest + 1)]

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value


def history(trials: Sequence[Trial], objective: Json) -> Plot:
    """Each trial's value by its number, and the best so far as a line."""
    metric = objective["metric"]
    found = [
        (float(trial.number), trial.values[metric])
        for trial in trials
        if trial.state == "COMPLETE" and math.isfinite(trial.values.get(metric, math.nan))
    ]
    if not found:
        return _empty("no trial has completed")
    x = _Axis(0, max(at for at, _ in found) or 1, _LEFT, WIDTH - _RIGHT)
    y = _vertical([value for _, value in found])
    best = list(_best_so_far(found, objective["direction"] == "minimize"))
    line = " ".join(f"{x.at(at):.1f},{y.at(value):.1f}" for at, value in best)
    body = _dots(found, x, y)
    body += f'<polyline points="{line}" fill="none" stroke="{_LINE}" stroke-width="2"/>'
    return _framed(body, x, y, "trial", metric)


def pareto(trials: Sequence[Trial], objectives: Sequence[Json], front: Iterable[int]) -> Plot:
    """The first two objectives of each trial; those of the Pareto front in another colour."""
    first, second = (objective["metric"] for objective in objectives[:2])
    known = [trial for trial in trials if trial.state == "COMPLETE"]
    points = {trial.number: (trial.values[first], trial.values[second]) for trial in known}
    points = {n: each for n, each in points.items() if all(map(math.isfinite, each))}
    if not points:
        return _empty("no trial has completed")
    horizontal = [x for x, _ in points.values()]
    x = _Axis(min(horizontal), max(horizontal), _LEFT + 6, WIDTH - _RIGHT - 6)
    y = _vertical([value for _, value in points.values()])
    best = set(front)
    body = _dots([each for n, each in points.items() if n not in best], x, y)
    body += _dots([each for n, each in points.items() if n in best], x, y, _LINE, 4)
    return _framed(body, x, y, first, second)


def parallel(trials: Sequence[Trial], forms: Json, objective: Json) -> Plot:
    """A line for each completed trial across its hyperparameters and its value.

    The best tenth is drawn last, in another colour. A trial that lacks a hyperparameter has no line
    to that axis.
    """
    metric = objective["metric"]
    known = [
        trial
        for trial in trials[-_MOST_DOTS:]
        if trial.state == "COMPLETE" and math.isfinite(trial.values.get(metric, math.nan))
    ]
    if not known:
        return _empty("no trial has completed")
    sign = 1 if objective["direction"] == "minimize" else -1
    known.sort(key=lambda trial: -sign * trial.values[metric])
    names = list(forms)
    places = [
        _LEFT + index * (WIDTH - _LEFT - _RIGHT) / max(1, len(names))
        for index in range(len(names) + 1)
    ]
    axes = [_positions(forms[name]) for name in names]
    values = _vertical([trial.values[metric] for trial in known])
    good = max(1, len(known) // 10)
    body = ""
    for rank, trial in enumerate(known):
        points = [
            (place, at(trial.hyperparameters[name]))
            for place, name, at in zip(places, names, axes, strict=False)
            if name in trial.hyperparameters
        ]
        line = " ".join(
            f"{x:.1f},{y:.1f}" for x, y in [*points, (places[-1], values.at(trial.values[metric]))]
        )
        best = rank >= len(known) - good
        colour, opacity = (_LINE, 0.9) if best else (_DOT, 0.25)
        body += f'<polyline points="{line}" fill="none" stroke="{colour}" opacity="{opacity}"/>'
    ends = [_ends(forms[name]) for name in names]
    ends.append((f"{values.low:.4g}", f"{values.high:.4g}"))
    for index, (place, name) in enumerate(zip(places, [*names, metric], strict=True)):
        anchor = "end" if index == len(names) else "start" if index == 0 else "middle"
        low, high = ends[index]
        body += _vertical_line(place) + _text(place, HEIGHT - 4, name[:20], anchor)
        body += _text(place, HEIGHT - _BOTTOM + 14, low[:14], anchor)
        body += _text(place, _TOP - 4, high[:14], anchor)
    return Plot(_svg(body))


def importance(shares: Mapping[str, float], metric: str) -> Plot:
    """A bar for each hyperparameter: its share of the importance for `metric`."""
    if not shares:
        return _empty("too few trials have completed, or no hyperparameter matters")
    names = list(shares)[:_MOST_BARS]
    room = min(40.0, (HEIGHT - _TOP - 8) / len(names))
    height, body = min(24.0, room * 0.7), _text(4, 12, f"importance for {metric}", "start")
    for index, name in enumerate(names):
        top = _TOP + 6 + index * room
        width = shares[name] * (WIDTH - _BAR_LEFT - 48)
        body += _text(_BAR_LEFT - 6, top + height / 2 + 4, name[:22], "end")
        body += f'<rect x="{_BAR_LEFT}" y="{top:.1f}" width="{width:.1f}" '
        body += f'height="{height:.1f}" fill="{_DOT}"/>'
        label = f"{shares[name]:.2f}"
        body += _text(_BAR_LEFT + width + 6, top + height / 2 + 4, label, "start")
    return Plot(_svg(body))


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


def _positions(form: Json) -> Callable[[Any], float]:
    """Return the height of each value on the axis of one hyperparameter."""
    if form["type"] == "categorical":
        choices = _choices(form)
        place = {(type(each), each): index for index, each in enumerate(choices)}
        axis = _Axis(0, max(1, len(choices) - 1), HEIGHT - _BOTTOM, _TOP)
        return lambda value: axis.at(place.get((type(value), value), 0))
    low, high = bounds(form)
    axis = _Axis(low, high, HEIGHT - _BOTTOM, _TOP, logarithmic(form))
    return lambda value: axis.at(min(max(float(value), low), high))


def _best_so_far(
    found: Sequence[tuple[float, float]], minimize: bool
) -> Iterator[tuple[float, float]]:
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


def _vertical(values: Sequence[float]) -> _Axis:
    return _Axis(min(values), max(values), HEIGHT - _BOTTOM - 6, _TOP + 6)


def _dots(
    points: Sequence[tuple[float, float]], x: _Axis, y: _Axis, colour: str = _DOT, radius: int = 3
) -> str:
    drawn = f'r="{radius}" fill="{colour}" opacity="0.6"'
    return "".join(
        f'<circle cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" {drawn}/>' for a, b in points[-_MOST_DOTS:]
    )


def _framed(body: str, x: _Axis, y: _Axis, across: str, up: str) -> Plot:
    grid = ""
    for tick in y.ticks():
        at = y.at(tick)
        grid += f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" '
        grid += 'stroke="currentColor" opacity="0.15"/>'
        grid += _text(_LEFT - 6, at + 4, f"{tick:.4g}", "end")
    for tick in x.ticks():
        grid += _text(x.at(tick), HEIGHT - _BOTTOM + 16, f"{tick:.4g}", "middle")
    labels = _text(WIDTH - _RIGHT, HEIGHT - 4, across, "end") + _text(4, 12, up, "start")
    return Plot(_svg(grid + body + labels))


def _vertical_line(at: float) -> str:
    ends = f'y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"'
    return f'<line x1="{at:.1f}" x2="{at:.1f}" {ends} stroke="currentColor" opacity="0.5"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor" '
        f'font-size="11">{escape(text)}</text>'
    )


def _empty(why: str) -> Plot:
    return Plot(_svg(_text(WIDTH / 2, HEIGHT / 2, why, "middle")))


def _svg(body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'style="max-width:{WIDTH}px" font-family="sans-serif" role="img">{body}</svg>'
    )
