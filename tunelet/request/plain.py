"""What of a request is no plain JSON, or too much of it, before anything else is looked at.

Nothing below `model_training_code` is repeated in an error: it may hold secrets.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tunelet.errors import FieldError
from tunelet.text.limits import LARGEST_INTEGER, SMALLEST_INTEGER
from tunelet.text.messages import path, shown

Location = tuple[Any, ...]
"""Names and indices that lead to a field."""

_DEEPEST = 64
_MOST = 500_000


class Unfit(NamedTuple):
    location: Location
    error: FieldError


def refusal(location: Location, value: object, message: str, remedy: str) -> FieldError:
    """An error about the field at this location, without its value if that may be secret."""
    secret = bool(location) and location[0] == "model_training_code"
    return FieldError(path(location), None if secret else shown(value), message, remedy)


def part(location: Location) -> Location:
    """What has to be left out for an error at this location: a field or one hyperparameter."""
    return location[:2] if location[0] == "hyperparameters" else location[:1]


def unfit(raw: Mapping[Any, Any]) -> Iterator[Unfit]:
    """Everything that is not JSON as RFC 8259 has it, or too large for a request."""
    stack: list[tuple[Location, Any]] = [((), raw)]
    seen = 0
    while stack:
        location, value = stack.pop()
        seen += 1
        if seen > _MOST:
            error = refusal((), None, f"has more than {_MOST} values", "send less")
            yield Unfit((), error)
            return
        if complaint := _unfit_value(value, len(location)):
            yield Unfit(location, refusal(location, value, *complaint))
            continue
        children: list[tuple[Any, Any]] = []
        if isinstance(value, dict):
            children = [*value.items()]
        elif isinstance(value, list):
            children = [*enumerate(value)]
        for key, child in reversed(children):
            below = (*location, key)
            complaint = _unfit_text(key) if isinstance(key, str) else None
            if isinstance(value, dict) and not isinstance(key, str):
                complaint = "has a name that is not text", "put the name in quotes"
            if complaint:
                yield Unfit(below, refusal(below, None, *complaint))
            else:
                stack.append((below, child))


def _unfit_value(value: object, depth: int) -> tuple[str, str] | None:
    match value:
        case dict() | list():
            too_deep = depth > _DEEPEST
            return (f"is nested deeper than {_DEEPEST} levels", "flatten it") if too_deep else None
        case str():
            return _unfit_text(value)
        case None | bool():
            return None
        case int():
            fits = SMALLEST_INTEGER <= value <= LARGEST_INTEGER
            return None if fits else ("is too large an integer", "use one below 2^63")
        case float():
            fits = math.isfinite(value)
            return None if fits else ("is not a finite number", "use a finite number")
        case _:
            return "is not JSON", "use text, numbers, true, false, null, lists and objects"


def _unfit_text(text: str) -> tuple[str, str] | None:
    if "\0" in text:
        return "contains a NUL character", "remove it"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "contains half of a surrogate pair", "send valid Unicode"
    return None
