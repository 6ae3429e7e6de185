"""The entries of all built-in algorithms and stopping rules. Imports none of them.

The entries of a library are imported when a name is not among those before them: a function that
needs one algorithm starts sooner than one that reads the whole catalog.
"""

import importlib
from collections.abc import Iterator, Mapping

from algorithms.catalog.entry import Entry


class Table(Mapping[str, Entry]):
    """The `ROWS` of some modules, by name, in order. Threads may share one."""

    def __init__(self, *modules: str) -> None:
        self._left = modules
        self._rows: dict[str, Entry] = {}

    def __getitem__(self, name: str) -> Entry:
        while name not in self._rows and self._left:
            self._read(*self._left)
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        while self._left:
            self._read(*self._left)
        return iter(tuple(self._rows))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _read(self, first: str, *others: str) -> None:
        """Take the rows of the first module. Another thread may do the same at the same time."""
        rows: tuple[Entry, ...] = importlib.import_module(first).ROWS
        self._rows.update({row.name: row for row in rows})
        self._left = others


TABLE = Table(
    "algorithms.own.entries",
    "algorithms.optuna.entries",
    "algorithms.hyperopt.entries",
    "algorithms.ray.entries",
)
"""The algorithms, which `hpo_algorithm` names."""

RULES = Table("algorithms.stopping.entries")
"""The stopping rules, which `early_stopping` names."""
