"""Metrics in JSON: the numbers of an object; nested ones as `eval.loss`, a list's as `loss.0`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tunelet.core.trial import Number
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.training.numerals import measured

DEPTH = 16
LIST_LENGTH = 100
"""The number of members of a list that count."""

_OBJECT = lazy_pattern(r"\{\s*+[\"}]")
_DECODER = json.JSONDecoder()
_NAMES = ("name", "metric", "metricName", "metric_name", "key", "tag")
_VALUES = ("value", "metricValue", "metric_value")


def objects_in(line: str) -> tuple[list[dict[str, Any]], str]:
    """Return the objects in the line, and the rest of the line from the first invalid one on.

    Before an object there may be other text, such as the time of a log line, or another object.
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
            # Trying again at each further brace could take quadratic time.
            return found, line[begin.start() :]
        found.append(each)
    return found, ""


def numbers(values: Mapping[str, Any]) -> dict[str, Number]:
    """Return the numbers of an object by their full names; text that reads as a number counts.

    An object such as {"name": "loss", "value": 0.5} also gives the metric `loss`.
    """
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
    """Return the scalar with this full name; ... if there is none."""
    return next((value for full, value in _members(values, "", 0) if full == name), ...)


def unreadable(value: Any) -> bool:
    """Whether a value that is not a number is text with digits or with the sign of infinity."""
    return isinstance(value, str) and any(each.isdigit() or each == "∞" for each in value)


def members(data: bytes) -> list[dict[str, Any]] | None:
    """Return the objects of a JSON document: one object, or a list of objects; else None."""
    found = document(data)
    listed = found if isinstance(found, list) else [found]
    objects = [each for each in listed if isinstance(each, dict)]
    return objects if len(objects) == len(listed) else None


def document(data: bytes) -> object:
    """Return a file's JSON, also after a byte order mark; None if it is not JSON."""
    # Not the codec utf-8-sig: the collector's image has only the codecs that its start needs.
    return loads(data.decode(errors="replace").removeprefix("\ufeff"))


def loads(text: str) -> object:
    """Return the JSON document; None if the text is other output."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _members(value: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Shallow members first, so that a name with a dot comes before a nested member."""
    nested = []
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value[:LIST_LENGTH])
    for key, member in pairs:
        if isinstance(member, dict | list):
            nested.append((f"{prefix}{key}.", member))
        else:
            yield f"{prefix}{key}", member
    for longer, member in nested if depth < DEPTH else ():
        yield from _members(member, longer, depth + 1)
