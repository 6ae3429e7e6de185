"""The tables of docs/reference/algorithms.md, generated from the catalog.

`python -m algorithms.catalog.docs_tables docs/reference/algorithms.md` writes them between the
markers of that file.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from algorithms.catalog.entry import Entry, Setting
from algorithms.catalog.table import RULES, TABLE


def written(document: str) -> str:
    """Return the document with its tables updated.

    Raises `ValueError` if the markers of a table are missing.
    """
    for name, table in (
        ("algorithms", _algorithms()),
        ("stopping rules", _rules()),
        ("settings", _settings(TABLE)),
        ("settings of stopping rules", _settings(RULES)),
    ):
        head, begin, rest = document.partition(f"<!-- begin: {name} -->\n")
        _, end, tail = rest.partition("<!-- end -->")
        if not begin or not end:
            raise ValueError(f"there are no markers for the table of {name}")
        document = f"{head}{begin}{table}\n{end}{tail}"
    return document


def _algorithms() -> str:
    able = ("Conditions", "Choices", "Integers", "Objectives", "Constraints", "Budgets")
    titles = ("Name", "", *able, "Warm start", "Needs")
    return _table(titles, (_abilities(row) for _, row in sorted(TABLE.items())))


def _abilities(row: Entry) -> tuple[str, ...]:
    return (
        f"`{row.name}`",
        row.summary,
        _yes(row.conditions) if row.branches else "drawn",
        row.choices,
        "yes" if row.integers else "rounded",
        "any" if row.objectives is None else str(row.objectives),
        _yes(row.constraints),
        _yes(row.fidelity),
        _yes(row.warm_start),
        _needs(row),
    )


def _rules() -> str:
    rows = ((f"`{row.name}`", row.summary, _needs(row)) for _, row in sorted(RULES.items()))
    return _table(("Name", "", "Needs"), rows)


def _settings(rows: Mapping[str, Entry]) -> str:
    """One row for all names with the same settings."""

    def names(group: Iterable[Entry]) -> str:
        return ", ".join(f"`{row.name}`" for row in group)

    def key(row: Entry) -> str:
        return ", ".join(map(_setting, row.settings)) or "none"

    groups = groupby(sorted(rows.values(), key=lambda row: (key(row), row.name)), key)
    lines = sorted((names(group), settings) for settings, group in groups if settings != "none")
    return _table(("Name", "Settings"), lines)


def _setting(one: Setting) -> str:
    return f"`{one.name}` {'required' if one.required else json.dumps(one.default)}"


def _needs(row: Entry) -> str:
    return f"`[{row.extra}]`" if row.extra else ""


def _yes(able: bool) -> str:
    return "yes" if able else "no"


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [titles, ("---",) * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


if __name__ == "__main__":
    _document = Path(sys.argv[1])
    _document.write_text(written(_document.read_text()))
