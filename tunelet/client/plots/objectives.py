"""Plots of what the trials reached: the history of one objective, the front of two."""

import math
from collections.abc import Iterable, Iterator, Sequence

from tunelet.client import svg
from tunelet.client.plots.measured import NONE, Json, Points, completed, feasible
from tunelet.client.svg import LEFT, RIGHT, WIDTH, Axis, Plot
from tunelet.client.trial import Trial


def history(trials: Sequence[Trial], objective: Json, constraints: Sequence[Json] = ()) -> Plot:
    """Each trial's value by its number, and the best so far as a line.

    Trials that miss a constraint are grey, and none of them is the best.
    """
    metric = objective["metric"]
    known = completed(trials, metric)
    if not known:
        return svg.empty(NONE)
    last = max(trial.number for trial, _ in known)
    x = Axis(0, last or 1, LEFT, WIDTH - RIGHT, whole=True)
    y = svg.upward([value for _, value in known])
    pale = [(float(t.number), value) for t, value in known if not feasible(t, constraints)]
    found = [(float(t.number), value) for t, value in known if feasible(t, constraints)]
    body = svg.grid(x, y, "trial", metric)
    body += svg.dots(pale, x, y, svg.PALE) + svg.dots(found, x, y)
    if not found:
        return svg.picture(body)
    best = _best_so_far(found, objective["direction"] == "minimize")
    return svg.picture(body + svg.line(best, x, y, svg.LINE, 2))


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
        return svg.empty(NONE)
    x = svg.of_values([value for value, _ in points.values()], LEFT + 6, WIDTH - RIGHT - 6)
    y = svg.upward([value for _, value in points.values()])
    best = set(front)
    missed = {trial.number for trial in known if not feasible(trial, constraints)} - best
    body = svg.grid(x, y, first, second)
    body += svg.dots([each for n, each in points.items() if n in missed], x, y, svg.PALE)
    body += svg.dots([each for n, each in points.items() if n not in best | missed], x, y)
    body += svg.dots([each for n, each in points.items() if n in best], x, y, svg.LINE, 4)
    return svg.picture(body)


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
