"""SVG pictures of data: axes, points, lines and text. No library, no network.

Colours are those of the service's page where one is readable on light and on dark backgrounds. Axes
and text take the colour of the text around them.
"""

import importlib
import math
import sys
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from tunelet.client.report import duration

WIDTH, HEIGHT = 640, 280
DOT, LINE, PALE = "#46a77a", "#e8710a", "#94a0b3"
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 18, 36
_RAMP = ((219, 112, 60), (150, 130, 160), (110, 140, 190), (140, 165, 200))
"""From the best to the worst, as on the page."""
MOST = 2000
"""Trials that a picture has at most."""
_WIDE = 1000
"""An axis of positive values is logarithmic from this ratio of its ends on, as on the page."""
_CHARACTER = 6.2
_ROUND_TIMES = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
    21600,
    43200,
    86400,
)
_ZOOM = 2
_INK = "svg{color:#1b1f27}@media (prefers-color-scheme:dark){svg{color:#e6e9ef}}"
# resvg takes the first that the machine has, and does not know which one is its usual one.
_FONTS = "Arial, Liberation Sans, DejaVu Sans, Noto Sans, Roboto, Helvetica, Segoe UI, sans-serif"
_NO_FONT = (
    "a PNG needs a font, and this machine has none of those that a plot uses: install DejaVu Sans"
    " (the Debian package fonts-dejavu-core), or write SVG"
)


class Plot:
    """An SVG picture. A notebook shows it; `save` writes it to a file."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """Write the picture to a file: PNG if the name ends with .png, else SVG.

        Raises `ImportError` and `ValueError` as `png`.
        """
        Path(path).write_bytes(self.png() if str(path).lower().endswith(".png") else self.file())

    def file(self) -> bytes:
        """Return an SVG file, readable on a light and on a dark background."""
        head, body = self.svg.split(">", 1)
        return f"{head}><style>{_INK}</style>{body}\n".encode()

    def png(self) -> bytes:
        """Return a PNG, twice as large and on white.

        Raises `ImportError` without resvg, and `ValueError` if the machine has no font.
        """
        if _drawn(_svg("")) == _drawn(_svg(text(WIDTH / 2, HEIGHT / 2, "x", "middle"))):
            raise ValueError(_NO_FONT)
        return _drawn(self.svg)


def _drawn(svg: str) -> bytes:
    try:
        resvg = importlib.import_module("resvg_py")
    except ModuleNotFoundError as fault:
        remedy = "pip install 'tunelet[png]', or write SVG"
        raise ImportError(
            f"a PNG needs more than the client (no {fault.name}): {remedy}"
        ) from fault
    return bytes(
        resvg.svg_to_bytes(
            svg_string=svg, background="#ffffff", zoom=_ZOOM, style_sheet="svg{color:#1b1f27}"
        )
    )


class Axis(NamedTuple):
    """Maps values from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    names: tuple[str, ...] = ()
    """Of the values 0, 1, and so on, if they are names."""
    whole: bool = False
    """Whether a label between two whole numbers would mean nothing."""
    clock: bool = False
    """Whether the values are seconds."""

    def at(self, value: float) -> float:
        # Halves, for the distance between two floats may be larger than any.
        low, high, here = (self._scaled(each) / 2 for each in (self.low, self.high, value))
        share = (here - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def labels(self) -> list[tuple[float, str]]:
        """Return some round values, or all names, with the text of each."""
        if self.names:
            return [(float(place), name) for place, name in enumerate(self.names)]
        if self.clock and (times := _times(self.low, self.high)):
            return [(time, duration(time) if time else "0s") for time in times]
        ticks = self._ticks()
        if self.whole and not self.log:
            ticks = [tick for tick in ticks if tick == round(tick)]
        return [(tick, short(tick)) for tick in ticks]

    def _ticks(self) -> list[float]:
        if self.high <= self.low:
            return [self.low]
        if self.log:
            first = math.ceil(math.log10(self.low) - 1e-9)
            last = math.floor(math.log10(self.high) + 1e-9)
            powers = [10.0**power for power in range(first, last + 1, max(1, (last - first) // 4))]
            return powers if len(powers) > 1 else [self.low, self.high]
        raw = self.high / 6 - self.low / 6
        if raw < sys.float_info.min:
            return [self.low, self.high]
        unit = 10.0 ** math.floor(math.log10(raw))
        size = next(unit * f for f in (1, 2, 2.5, 5, 10) if unit * f >= raw)
        lowest, highest = math.ceil(self.low / size), math.floor(self.high / size + 1e-9)
        return [index * size for index in range(lowest, highest + 1)]

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value


def _times(low: float, high: float) -> list[float]:
    """Return some round times in seconds; none if they would be parts of a second."""
    raw = (high - low) / 6
    if raw < 0.5:
        return []
    size = next((each for each in _ROUND_TIMES if each >= raw), 86400 * math.ceil(raw / 86400))
    return [float(size * each) for each in range(math.ceil(low / size), int(high / size) + 1)]


def short(value: float) -> str:
    """Return a number with four digits, and a power of ten that is long as 1e-4."""
    usual = str(int(value)) if abs(value) < 1e6 and value == int(value) else f"{value:.4g}"
    power = math.log10(value) if value > 0 else 0.5
    return f"1e{round(power)}" if len(usual) > 5 and abs(power - round(power)) < 1e-9 else usual


def of_values(values: Sequence[float], start: float, end: float) -> Axis:
    """Return the axis of measured values."""
    low, high = min(values), max(values)
    return Axis(low, high, start, end, low > 0 and high / low > _WIDE)


def upward(values: Sequence[float], height: int = HEIGHT) -> Axis:
    return of_values(values, height - BOTTOM - 6, TOP + 6)


def sampled(points: Sequence[Any]) -> Sequence[Any]:
    """Return at most `MOST` of the points, evenly, with the last one."""
    step = -(-len(points) // MOST) or 1
    return points[(len(points) - 1) % step :: step]


def ramp(share: float) -> str:
    """Return the colour of a rank: 0 for the best, 1 for the worst."""
    place = min(1.0, max(0.0, share)) * (len(_RAMP) - 1)
    low = min(int(place), len(_RAMP) - 2)
    mixed = (
        round(a + (b - a) * (place - low)) for a, b in zip(_RAMP[low], _RAMP[low + 1], strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def dots(
    points: Sequence[tuple[float, float]], x: Axis, y: Axis, colour: str = DOT, radius: float = 3
) -> str:
    drawn = f'r="{radius}" fill="{colour}" opacity="0.7"'
    return "".join(
        f'<circle cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" {drawn}/>' for a, b in sampled(points)
    )


def grid(x: Axis, y: Axis, across: str, up: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    """Return lines at the labels of `y`, the labels of both axes, and their names."""
    width, height = size
    drawn = ""
    for tick, label in y.labels():
        at = y.at(tick)
        drawn += f'<line x1="{LEFT}" x2="{width - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" '
        drawn += 'stroke="currentColor" opacity="0.15"/>'
        drawn += text(LEFT - 6, at + 4, fitted(label, LEFT - 6), "end")
    drawn += labels(x, height)
    name = fitted(across, width - LEFT - RIGHT)
    return drawn + text(width - RIGHT, height - 4, name, "end") + text(4, 12, up, "start")


def labels(x: Axis, height: int = HEIGHT) -> str:
    """Return the labels of an axis that goes across."""
    found = x.labels()
    room = abs(x.end - x.start) / max(1, len(found))
    return "".join(
        text(x.at(tick), height - BOTTOM + 16, fitted(label, room), "middle")
        for tick, label in found
    )


def line(
    points: Iterable[tuple[float, float]],
    x: Axis,
    y: Axis,
    colour: str,
    width: float,
    opacity: float = 1,
) -> str:
    return path([(x.at(a), y.at(b)) for a, b in points], colour, width, opacity)


def path(
    points: Sequence[tuple[float, float]], colour: str, width: float, opacity: float = 1
) -> str:
    """Return a line through points in pixels."""
    through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    drawn = f'stroke="{colour}" stroke-width="{width}" opacity="{opacity:.2f}"'
    return f'<polyline points="{through}" fill="none" {drawn}/>'


def rectangle(left: float, top: float, width: float, height: float, fill: str) -> str:
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="{fill}"/>'


def upright(at: float) -> str:
    ends = f'y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
    return f'<line x1="{at:.1f}" x2="{at:.1f}" {ends} stroke="currentColor" opacity="0.5"/>'


def width_of(label: str) -> float:
    """Return about how many pixels the text takes."""
    return len(label) * _CHARACTER


def fitted(label: str, room: float) -> str:
    """Return the text, shortened to about this many pixels."""
    most = max(2, int(room / _CHARACTER))
    return label if len(label) <= most else label[: most - 1] + "…"


def text(x: float, y: float, label: str, anchor: str) -> str:
    # XML has no control characters, not even escaped.
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in label)
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor" '
        f'font-size="11">{escape(shown)}</text>'
    )


def empty(why: str) -> Plot:
    return picture(text(WIDTH / 2, HEIGHT / 2, why, "middle"))


def picture(body: str, height: int = HEIGHT) -> Plot:
    return Plot(_svg(body, height))


def _svg(body: str, height: int = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'style="max-width:{WIDTH}px" font-family="{_FONTS}" role="img">{body}</svg>'
    )
