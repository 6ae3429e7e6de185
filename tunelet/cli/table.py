"""Tables in a terminal: aligned, fitted to its width, readable without colour.

Numbers are aligned at their decimal points. Where a terminal is too narrow, long texts give
way first, then headings, then all texts but the first column's, which are names, then those;
figures never. What goes to a file or a program is not cut.
"""

import sys
import unicodedata

import click

from tunelet.cli.wrapping import columns as columns_at
from tunelet.cli.wrapping import columns_of
from tunelet.client.report import Rows, without_empty

_GAP = "  "
_NARROWEST = 6
_LEGIBLE = 32
"""Cells longer than this many columns are cut before headings are."""
_COLORS = {
    "RUNNING": "cyan",
    "COMPLETE": "green",
    "FAILED": "red",
    "DAMAGED": "red",
    "FAIL": "red",
    "PAUSED": "yellow",
    "STOPPED": "yellow",
    "PRUNED": "yellow",
    "*": "green",
}


def width() -> int | None:
    """The terminal's columns; None where standard output is no terminal."""
    return columns_at(sys.stdout)


def colored(word: str) -> str:
    """A state's name in its colour; any other text as it is."""
    color = _COLORS.get(word.strip())
    return click.style(word, fg=color) if color else word


def lines(table: Rows, columns: int | None) -> list[str]:
    """The table's lines, with ANSI colours; at most `columns` wide unless that is None."""
    shown = without_empty(Rows(table.header, tuple(map(_printable, table.rows))))
    cells = [_pointed(column) for column in zip(*shown.rows, strict=True)]
    right = [_numeric(column) for column in cells]
    widths = _fitted(shown.header, cells, right, columns)
    head = _line(shown.header, widths, right)
    body = [
        [colored(cell) for cell in _padded(row, widths, right)] for row in zip(*cells, strict=True)
    ]
    return [click.style(head, bold=True), *(_GAP.join(row).rstrip() for row in body)]


def printable(text: str) -> str:
    """One line without control characters, so that a trial's output cannot control the terminal."""
    return "".join(
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in text
        if unicodedata.category(char) != "Cf"
    )


def _printable(row: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(printable, row))


def _line(row: tuple[str, ...], widths: list[int], right: list[bool]) -> str:
    return _GAP.join(_padded(row, widths, right)).rstrip()


def _padded(row: tuple[str, ...], widths: list[int], right: list[bool]) -> list[str]:
    padded = []
    for cell, room, flush in zip(row, widths, right, strict=True):
        text = _cut(cell, room)
        blank = " " * (room - columns_of(text))
        padded.append(blank + text if flush else text + blank)
    return padded


def _fitted(
    header: tuple[str, ...], cells: list[tuple[str, ...]], numeric: list[bool], columns: int | None
) -> list[int]:
    """Widths that fit if possible. Long text is cut first, numbers never."""
    data = [max(map(columns_of, column)) for column in cells]
    widths = [max(columns_of(head), room) for head, room in zip(header, data, strict=True)]
    legible = [
        full if flush else min(full, _LEGIBLE) for full, flush in zip(widths, numeric, strict=True)
    ]
    headings = [max(room, min(_NARROWEST, full)) for room, full in zip(data, widths, strict=True)]
    texts = [
        room if flush else min(room, _NARROWEST)
        for room, flush in zip(headings, numeric, strict=True)
    ]
    names = next((index for index, flush in enumerate(numeric) if not flush), 0)
    others = [*texts[:names], headings[names], *texts[names + 1 :]]
    for floors in (legible, headings, others, texts):
        widths = _narrowed(widths, floors, columns)
    return widths


def _narrowed(widths: list[int], floors: list[int], columns: int | None) -> list[int]:
    """The widths, the widest of those above their floors made narrower until the line fits."""
    fitted = list(widths)
    while columns is not None and sum(fitted) + len(_GAP) * (len(fitted) - 1) > columns:
        wide = [index for index, floor in enumerate(floors) if fitted[index] > floor]
        if not wide:
            break
        fitted[max(wide, key=lambda index: (fitted[index], index))] -= 1
    return fitted


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numeric(column: tuple[str, ...]) -> bool:
    return all(_number(cell) for cell in column if cell)


def _pointed(column: tuple[str, ...]) -> tuple[str, ...]:
    """A column of numbers, padded on the right so that the decimal points meet."""
    if not _numeric(column) or any("e" in cell or "n" in cell.lower() for cell in column):
        return column
    after = [len(cell) - cell.find(".") if "." in cell else 0 for cell in column]
    return tuple(
        cell + " " * (max(after) - tail) if cell else cell
        for cell, tail in zip(column, after, strict=True)
    )


def _cut(text: str, room: int) -> str:
    if columns_of(text) <= room:
        return text
    kept = text
    while columns_of(kept) > room - 1:
        kept = kept[:-1]
    return f"{kept}…"
