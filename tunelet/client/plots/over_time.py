"""Plots of how trials went: their reports by step, and when they ran."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from tunelet.client import svg
from tunelet.client.plots.measured import Json, ranked
from tunelet.client.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Plot
from tunelet.client.trial import Trial

_BEST, _NEWEST = 40, 20
"""The curves that are drawn, as on the page."""
_COLOURS = {
    "COMPLETE": svg.DOT,
    "PRUNED": "#e0a336",
    "FAIL": "#e5575c",
    "RUNNING": "#4c9bf0",
    "STOPPED": "#a3abb8",
}
_LANE = 28
_MARK = 2.5
"""Pixels at the beginning of a bar that mark an attempt after the first."""


def with_curves(trials: Sequence[Trial], objective: Json) -> list[Trial]:
    """Return the trials to draw curves of: the best ones and the newest ones."""
    best = [trial.number for trial, _ in ranked(trials, objective)[-_BEST:]]
    begun = [trial.number for trial in trials if trial.state != "WAITING"]
    wanted = {*best, *begun[-_NEWEST:]}
    return [trial for trial in trials if trial.number in wanted]


def curves(trials: Sequence[Trial], objective: Json) -> Plot:
    """A line through the reports of each trial: the best one's is strong, pruned ones are amber.

    The trials need their `reports`.
    """
    metric = objective["metric"]
    lines = {t.number: _line(t, metric) for t in trials}
    points = [point for line in lines.values() for point in line]
    if not points:
        return svg.empty(f"no trial has reported {metric}")
    steps = [step for step, _ in points]
    x = Axis(min(steps), max(steps), LEFT, WIDTH - RIGHT, whole=True)
    y = svg.upward([value for _, value in points])
    known = ranked(trials, objective)
    best = known[-1][0].number if known else None
    body = svg.grid(x, y, "step", metric)
    # The best one is drawn last, over the others.
    for trial in sorted(trials, key=lambda each: (each.number == best, each.state != "PRUNED")):
        colour, width, opacity = _stroke(trial, best)
        body += svg.line(lines[trial.number], x, y, colour, width, opacity)
    return svg.picture(body)


def _line(trial: Trial, metric: str) -> list[tuple[float, float]]:
    """Return the trial's finite values of the metric by step."""
    found = ((float(step), values.get(metric, math.nan)) for step, values in trial.reports)
    return [(step, value) for step, value in found if math.isfinite(value)]


def _stroke(trial: Trial, best: int | None) -> tuple[str, float, float]:
    """Return the colour, width and opacity of a trial's curve."""
    if trial.number == best:
        return svg.LINE, 2.5, 1
    return _COLOURS.get(trial.state, svg.DOT), 1.2, 0.45 if trial.state == "PRUNED" else 0.6


class _Bar(NamedTuple):
    trial: Trial
    lane: int
    start: float
    """Seconds since 1970."""
    end: float


def timeline(trials: Sequence[Trial], now: datetime | None = None) -> Plot:
    """A bar for each trial from its start to its end, in as many lanes as ran at a time.

    A trial that runs reaches to `now`, by default the present. A red beginning marks an attempt
    after the first.
    """
    bars = list(_bars(trials, now or datetime.now(UTC)))
    if not bars:
        return svg.empty("no trial has started")
    first, last = min(bar.start for bar in bars), max(bar.end for bar in bars)
    x = Axis(0, max(last - first, 1e-3), LEFT, WIDTH - RIGHT, clock=True)
    thick = min(_LANE, (HEIGHT - TOP - BOTTOM) / (1 + max(bar.lane for bar in bars)))
    body = svg.labels(x) + svg.text(WIDTH - RIGHT, HEIGHT - 4, "time", "end")
    for bar in svg.sampled(bars):
        left, right = x.at(bar.start - first), x.at(bar.end - first)
        top, high = TOP + bar.lane * thick, thick * 0.9
        fill = _COLOURS.get(bar.trial.state, svg.PALE)
        body += svg.rectangle(left, top, max(0.5, right - left - 0.5), high, fill)
        if bar.trial.attempt > 1:
            body += svg.rectangle(left, top, _MARK, high, _COLOURS["FAIL"])
    return svg.picture(body + _legend({bar.trial.state for bar in bars}))


def _bars(trials: Sequence[Trial], now: datetime) -> Iterator[_Bar]:
    """Give each trial that started the first lane that is free."""
    spans = [
        (trial.started_at.timestamp(), (trial.finished_at or now).timestamp(), trial)
        for trial in trials
        if trial.started_at
    ]
    ends: list[float] = []
    for start, end, trial in sorted(spans, key=lambda each: each[:2]):
        lane = next((n for n, free in enumerate(ends) if free <= start), len(ends))
        ends[lane : lane + 1] = [end]
        yield _Bar(trial, lane, start, end)


def _legend(states: set[str]) -> str:
    """The names of the states, each in its colour."""
    body, left = "", float(LEFT)
    for state in (each for each in _COLOURS if each in states):
        name = "failed" if state == "FAIL" else state.lower()
        body += svg.rectangle(left, 3, 9, 9, _COLOURS[state]) + svg.text(
            left + 13, 12, name, "start"
        )
        left += 30 + svg.width_of(name)
    return body
