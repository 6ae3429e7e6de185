"""Settles on one value for each metric of a line, or on none if it is not clear which.

A requested name may occur several times in a line: `train loss: 0.5 val loss: 0.4` has two values
of `loss`, so none counts. A word before the name (train, validation, test, best) makes it another
metric as soon as the name also occurs alone, or after another such word.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from tunelet.core.trial import Number
from tunelet.training.text import Found


class Settled(NamedTuple):
    values: dict[str, Number]
    unclear: tuple[str, ...] = ()
    """Requested names that occur in the line with a number that cannot be used."""


class Agreement:
    """Settles the lines of one output. The result for a line depends on it and the lines before."""

    def __init__(self, asked: Collection[str]) -> None:
        self._asked = frozenset(asked)
        self._alone: set[str] = set()
        self._qualified: dict[str, set[str]] = {}

    def several(self, name: str) -> list[str]:
        """Return the longer names under which `name` was found; empty unless it is ambiguous."""
        qualifiers = self._qualified.get(name, set())
        clear = name in self._alone or len(qualifiers) < 2
        return [] if clear else [f"{each} {name}" for each in sorted(qualifiers)]

    def settle(self, found: Iterable[Found]) -> Settled:
        """Return the values of a line, given everything that was found in it."""
        values: dict[str, Number] = {}
        asked: dict[str, list[Found]] = {}
        for each in found:
            name, value, qualifier = each
            if name not in self._asked:
                if value is not None:
                    values[name] = value
            elif qualifier or value is None or name not in self._alone or name in values:
                asked.setdefault(name, []).append(each)
            else:
                # The usual case: it occurs once, alone, and has occurred alone before.
                values[name] = value
                continue
            if name in values and name in self._asked:
                asked[name].append(Found(name, values.pop(name)))
        if not asked:
            return Settled(values)
        unclear = []
        for name, several in asked.items():
            counting = self._counting(name, several)
            if not counting:
                continue
            value = counting[0].value
            if value is None or any(each.value != value for each in counting) or self.several(name):
                unclear.append(name)
            else:
                values[name] = value
        return Settled(values, tuple(unclear))

    def _counting(self, name: str, several: list[Found]) -> list[Found]:
        """The occurrences that mean this metric and no other."""
        alone = [each for each in several if not each.qualifier]
        if alone:
            self._alone.add(name)
        else:
            seen = self._qualified.setdefault(name, set())
            seen |= {each.qualifier for each in several}
        return alone if name in self._alone else several
