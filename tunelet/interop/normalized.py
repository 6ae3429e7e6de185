"""Normalizes a space: a copy of plain dicts, lists and scalars, and of objects of the libraries.

Every other object is refused with its place, and so is a space that contains itself. Scalars of
numpy, and subclasses of plain types, become plain values.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from tunelet.errors import FieldError, Reject
from tunelet.interop import hyperopt_space, optuna_space, ray_space, unsupported
from tunelet.interop.plain import plain
from tunelet.text.messages import MOST, path

DEEPEST = 64
"""The most levels of a space."""
LARGEST = 100_000
"""The most parts of a space."""

Place = tuple[Any, ...]
"""Names and indices that lead to a part of the space."""


def normalized(space: Any) -> Any:
    """Return the copy. Raises `Reject` with each object that is not a plain value."""
    copying = _Copying()
    copy = copying.copy(space, ())
    if copying.found:
        first = copying.found[0]
        raise Reject(f"{first.field}: {first.message}", copying.found)
    return copy


class _Copying:
    def __init__(self) -> None:
        self.found: list[FieldError] = []
        self._above: list[int] = []
        self._count = 0

    def copy(self, part: Any, place: Place) -> Any:
        value = plain(part)
        if value is not ...:
            return value
        if not self._enters(part, place):
            return None
        self._above.append(id(part))
        try:
            return self._copy(part, place)
        finally:
            self._above.pop()

    def _copy(self, part: Any, place: Place) -> Any:
        kind = type(part)
        if issubclass(kind, dict):
            return dict(self._pairs(dict.items(part), place))
        if issubclass(kind, list):
            return self._row(list.__iter__(part), place)
        if issubclass(kind, tuple):
            return self._row(tuple.__iter__(part), place)
        for library in (hyperopt_space, optuna_space, ray_space):
            if library.has(part):
                for where, one in library.parts(part, place):
                    self.copy(one, where)
                return part
        message = f"is {unsupported.named(part)}, not a plain value"
        self._refuse(place, message, unsupported.remedy(part))
        return None

    def _row(self, items: Iterable[Any], place: Place) -> list[Any]:
        return [self.copy(one, (*place, index)) for index, one in enumerate(items)]

    def _pairs(self, pairs: Iterable[tuple[Any, Any]], place: Place) -> Iterator[tuple[Any, Any]]:
        for key, one in pairs:
            name = plain(key)
            if isinstance(name, str | int) and not isinstance(name, bool):
                yield name, self.copy(one, (*place, name))
            else:
                what = "null" if key is None else unsupported.named(key)
                self._refuse(place, f"has {what} as a name", "use text for names")

    def _enters(self, part: Any, place: Place) -> bool:
        """Whether to copy the parts below: False if there are too many, or if there is no end."""
        self._count += 1
        if id(part) in self._above:
            self._refuse(place, "contains itself", "write each part out")
        elif len(self._above) >= DEEPEST:
            self._refuse(place, f"is nested deeper than {DEEPEST} levels", "flatten it")
        elif self._count > LARGEST:
            if self._count == LARGEST + 1:
                self._refuse((), f"has more than {LARGEST} parts", "make it smaller")
        else:
            return len(self.found) < MOST
        return False

    def _refuse(self, place: Place, message: str, remedy: str) -> None:
        if len(self.found) < MOST:
            self.found.append(FieldError(path(["hyperparameters", *place]), None, message, remedy))
