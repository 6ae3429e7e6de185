"""Metrics in JSON: the numbers of an object, a nested one as `eval.loss`, a list's as `loss.0`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tunelet.training.numerals import measured
from tunelet.trial import Number

DEPTH = 16
LIST_LENGTH = 100
"""Of a list the first so many members count."""

_OBJECT = re.compile(r"\{\s*+[\"}]")
_DECODER = json.JSONDecoder()
_NAMES = ("name", "metric", "metricName", "metric_name", "key", "tag")
_VALUES = ("value", "metricValue", "metric_value")


def object_in(line: str) -> dict[str, Any] | None:
    """The object that the line is, or that stands in it after something else; None: there is none.

    A text before it may be the time or the place of a log.
    """
    whole = loads(line)
    if isinstance(whole, dict):
        return whole
    begin = _OBJECT.search(line)
    if begin is None:
        return None
    try:
        found, _ = _DECODER.raw_decode(line, begin.start())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


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


def unreadable(values: Mapping[str, Any], name: str) -> bool:
    """Whether the member of that full name is a text with digits in it that is no number."""
    for full, value in _members(values, "", 0):
        if full == name and isinstance(value, str) and measured(value) is None:
            return any(map(str.isdigit, value))
    return False


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
