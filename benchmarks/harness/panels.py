"""Draws small panels as an SVG. Each has two bands with median and quartiles over steps."""

from collections.abc import Sequence
from html import escape
from statistics import quantiles
from typing import NamedTuple

WIDTH, HEIGHT, GAP, LEFT, TOP = 104, 66, 8, 150, 34
COLOURS = {"ours": "#0b6e4f", "theirs": "#c8553d"}


class Panel(NamedTuple):
    row: str
    column: str
    ours: Sequence[Sequence[float]]
    theirs: Sequence[Sequence[float]]


def draw(rows: Sequence[Sequence[Panel | None]]) -> str:
    """Return an SVG. The panels of a column share a scale that begins at their smallest value."""
    columns = list(zip(*rows, strict=True))
    width = LEFT + len(columns) * (WIDTH + GAP)
    height = TOP + len(rows) * (HEIGHT + GAP) + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for place, (name, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="{4 + 44 * place}" y="14" fill="{colour}">{name}</text>')
    for x, column in enumerate(columns):
        scale = _scale([panel for panel in column if panel])
        for y, panel in enumerate(column):
            if panel is not None:
                at = LEFT + x * (WIDTH + GAP), TOP + y * (HEIGHT + GAP)
                parts += _drawn(panel, at, scale, first=(x == 0, y == 0))
    return "\n".join([*parts, "</svg>\n"])


def _scale(panels: Sequence[Panel]) -> tuple[float, float]:
    bands = [_band(runs) for panel in panels for runs in (panel.ours, panel.theirs)]
    low = min(band[0][-1] for band in bands)
    high = max(band[2][len(band[2]) // 8] for band in bands)
    return low, high if high > low else low + 1


def _band(runs: Sequence[Sequence[float]]) -> list[list[float]]:
    """The quartiles at each step that all runs have."""
    steps = list(zip(*runs, strict=False))
    found = [quantiles(step, n=4, method="inclusive") for step in steps]
    return [list(each) for each in zip(*found, strict=True)]


def _drawn(
    panel: Panel, at: tuple[int, int], scale: tuple[float, float], first: tuple[bool, bool]
) -> list[str]:
    left, top = at
    parts = [f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="#f4f4f2"/>']
    if first[0]:
        parts.append(f'<text x="4" y="{top + HEIGHT // 2}">{escape(panel.row)}</text>')
    if first[1]:
        parts.append(f'<text x="{left}" y="{top - 6}">{escape(panel.column)}</text>')
    for name, colour in COLOURS.items():
        lower, middle, upper = (_points(each, at, scale) for each in _band(getattr(panel, name)))
        parts.append(
            f'<path d="M{" ".join(lower + upper[::-1])}Z" fill="{colour}" opacity=".2"/>'
            f'<path d="M{" ".join(middle)}" fill="none" stroke="{colour}"/>'
        )
    return parts


def _points(values: Sequence[float], at: tuple[int, int], scale: tuple[float, float]) -> list[str]:
    """The points without those between two others of the same height."""
    low, high = scale
    last = max(len(values) - 1, 1)
    x = [round(at[0] + WIDTH * step / last) for step in range(len(values))]
    shares = [min(max((value - low) / (high - low), 0), 1) for value in values]
    y = [round(at[1] + HEIGHT * (1 - share)) for share in shares]
    ends = [n for n in range(len(y)) if not (y[max(n - 1, 0)] == y[n] == y[min(n + 1, len(y) - 1)])]
    return [f"{x[n]},{y[n]}" for n in sorted({0, *ends, len(y) - 1})]
