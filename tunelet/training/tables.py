"""Proposes a pattern that reads a column of a table with a header.

The cells of a table are separated by commas, semicolons, tabs, bars or blanks. The pattern matches
a whole row, so that it matches no other lines.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.training.numerals import measured

VALUE = r"(?P<value>[-+.\de]+|[-+]?(?i:nan|inf\w*))"
"""The group of the value in a proposed pattern. It also matches values of a diverged training."""
_NUMERIC = lazy_pattern(r"[-+.:\de]+")


class Column(NamedTuple):
    line: str
    """The newest row."""
    numeral: str
    pattern: str


def column(header: str, name: tuple[int, int], recent: Sequence[str]) -> Column | None:
    """Return the column under the name in the header; None if the line is not a header."""
    wanted = header[slice(*name)]
    for between in "|│┃,;\t ":
        titles = _cells(header, between)
        if len(titles) > 1 and titles.count(wanted) == 1 and not any(map(measured, titles)):
            at = titles.index(wanted)
            for line in reversed(recent):
                cells = _cells(line, between)
                if len(cells) == len(titles) and measured(cells[at]) is not None:
                    return Column(line, cells[at], _pattern(cells, at, between))
    return None


def _cells(line: str, between: str) -> list[str]:
    if between == " ":
        return line.split()
    line = line.strip().strip(between) if between in "|│┃" else line
    return [cell.strip() for cell in line.split(between)]


def _pattern(cells: Sequence[str], at: int, between: str) -> str:
    if between == " ":
        written = [r"[-+.:\de]+" if _NUMERIC.fullmatch(each) else r"\S+" for each in cells]
        written[at] = VALUE
        return "".join((r"^\s*", r"\s+".join(written), r"\s*$"))
    bar, beside = re.escape(between), between in "|│┃"
    written = [f"[^{bar}]*" for _ in cells]
    written[at] = rf"\s*{VALUE}\s*"
    row = bar.join(written)
    return rf"^\s*{bar}{row}{bar}\s*$" if beside else f"^{row}$"
