"""Plain tables, and repetitions in alternation."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median


def by_turns(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Take every measure once in each round, so that a slow phase of the machine affects all."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return found


def medians(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: median(figures) for name, figures in found.items()}


def show(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print with the first column left-aligned and the others right-aligned."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    print(heading + "\n")
    for row in (columns, ["-" * width for width in widths], *rows):
        first, *others = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]))
    print()
