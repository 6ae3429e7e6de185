"""Metrics in JSON: the numbers of an object, a nested one as `eval.loss`, a list's as `loss.0`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tunelet.core.trial import Number
from tunelet.training.numerals import measured

DEPTH = 16
LIST_LENGTH = 100
"""Of a list the first so many members count."""

_OBJECT = re.compile(r"\{\s*+[\"}]")
_DECODER = json.JSONDecoder()
_NAMES = ("name", "metric", "metricName", "metric_name", "key", "tag")
_VALUES = ("value", "metricValue", "metric_value")


def objects_in(line: str) -> tuple[list[dict[str, Any]], str]:
    """The objects in the line, and what is left of it from the first that is no JSON.

    Before one there may be the time or the place of a log, or the object before it.
    """
    whole = loads(line)
    if isinstance(whole, dict):
        return [whole], ""
    found: list[dict[str, Any]] = []
    end = 0
    while begin := _OBJECT.search(line, end):
        try:
            each, end = _DECODER.raw_decode(line, begin.start())
        except (ValueError, RecursionError):
            # To try again at each further brace could take quadratic time.
            return found, line[begin.start() :]
        found.append(each)
    return found, ""


def numbers(values: Mapping[str, Any]) -> dict[str, Number]:
    """The members that are numbers, or strings that read as one, by their full names."""
    found: dict[str, Number] = {}
    for name, value in _members(values, "", 0):
        measure = measured(value)
        if measure is not None:
            found.setdefault(name, measure)
    named = [values[each] for each in _NAMES if isinstance(values.get(each), str)]
    worth = [measured(values[each]) for each in _VALUES if each in values]
    if len(named) == 1 and len(worth) == 1 and worth[0] is not None:
        found.setdefault(named[0], worth[0])
    return found


def member(values: Mapping[str, Any], name: str) -> Any:
    """The scalar of that full name; ... if there is none."""
    return next((value for full, value in _members(values, "", 0) if full == name), ...)


def unreadable(value: Any) -> bool:
    """Whether it is a text that is no number, but has digits in it, or the sign of infinity."""
    return isinstance(value, str) and any(each.isdigit() or each == "∞" for each in value)


def members(data: bytes) -> list[dict[str, Any]] | None:
    """The objects of a JSON document that is one, or a list of them; None where it is neither."""
    found = document(data)
    listed = found if isinstance(found, list) else [found]
    objects = [each for each in listed if isinstance(each, dict)]
    return objects if len(objects) == len(listed) else None


def document(data: bytes) -> object:
    """A file's JSON, also after a byte order mark; None where there is none."""
    # Not the codec utf-8-sig: the collector's image has only the codecs that are needed at start.
    return loads(data.decode(errors="replace").removeprefix("\ufeff"))


def loads(text: str) -> object:
    """The JSON document, or None where there is none: other output may stand between."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _members(value: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Shallow members first, so that a name that has a dot itself comes before a nested one."""
    nested = []
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value[:LIST_LENGTH])
    for key, member in pairs:
        if isinstance(member, dict | list):
            nested.append((f"{prefix}{key}.", member))
        else:
            yield f"{prefix}{key}", member
    for longer, member in nested if depth < DEPTH else ():
        yield from _members(member, longer, depth + 1)
