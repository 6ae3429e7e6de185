"""JSON from outside, read strictly: every accepted value can be written to the log unchanged.

RFC 8259 leaves duplicate names, numbers out of range and lone surrogates to the reader, and
Python's own reader adds NaN and Infinity. Each is refused, because the log's writer, or
another language's reader, would refuse it or read it differently later.
"""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn, TypeVar

from tunelet.text.limits import LARGEST_UNSIGNED, SMALLEST_INTEGER

Name = TypeVar("Name", bound=str)

DEPTH = 64
"""How deep lists and objects may be nested."""

_SHOWN = 40
_TOO_DEEP = f"the text is nested deeper than {DEPTH} levels"


class NotJson(ValueError):
    """The text is not accepted as JSON; the message says why and where."""


class Malformed(NotJson):
    """The text is not JSON at all, so it may be meant as another format."""


def decode(data: bytes) -> Any:
    """Parse `data`, UTF-8 text. Raises `NotJson`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise NotJson(f"the text is not UTF-8 (byte {fault.start})") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=real,
            parse_int=integer,
        )
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        raise Malformed(f"the text is not JSON: {fault.msg} ({where})") from None
    except RecursionError:
        raise NotJson(_TOO_DEEP) from None
    _refuse_depth(value)
    if "\\u" in text:
        _refuse_surrogates(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        twice = next(repeated(name for name, _ in pairs))
        raise NotJson(f"the name {twice[:_SHOWN]!r} occurs twice in one object")
    return members


def repeated(names: Iterable[Name]) -> Iterator[Name]:
    """Yield each name that has occurred before, in linear time."""
    seen = set[Name]()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)


def _constant(literal: str) -> NoReturn:
    raise NotJson(
        f"{literal} is not JSON; write the string {json.dumps(literal)} where one is meant"
    )


def real(literal: str) -> float:
    """Parse a float. Raises `NotJson` if it is out of range."""
    value = float(literal)
    if math.isinf(value):
        raise NotJson(f"the number {literal[:_SHOWN]} is out of range")
    return value


def integer(literal: str) -> int:
    """Parse an integer. Raises `NotJson` if it needs more than 64 bits."""
    # Every integer of 64 bits has at most twenty digits; int() of thousands of digits is slow.
    value = int(literal) if len(literal) <= len(str(SMALLEST_INTEGER)) else LARGEST_UNSIGNED + 1
    if not SMALLEST_INTEGER <= value <= LARGEST_UNSIGNED:
        raise NotJson(f"the integer {literal[:_SHOWN]} does not fit into 64 bits")
    return value


def _refuse_depth(value: Any) -> None:
    """Refuse deep nesting, so that recursive code cannot exhaust the stack."""
    level = [value]
    for _ in range(DEPTH):
        nested = [each for each in level if isinstance(each, dict | list)]
        level = [
            child
            for each in nested
            for child in (each.values() if isinstance(each, dict) else each)
        ]
    if level:
        raise NotJson(_TOO_DEEP)


def _refuse_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise NotJson("a string contains half of a surrogate pair") from None
