"""Attributes of studies and trials as the log stores them: JSON that any language can read.

Unlike Python, JSON has no NaN and no integers of arbitrary size. A value that contains one is
stored as text: {"$json": "…"}, in the format of Python's `json` module.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

_TEXT = "$json"


def stored(value: Any) -> Any:
    """Convert a value to its stored form. Raises `TypeError` if it is not JSON serializable."""
    if value is None or isinstance(value, bool):
        return value
    text = json.dumps(value)
    read = json.loads(text)
    taken = isinstance(read, dict) and _TEXT in read
    return {_TEXT: text} if taken or not _same_in_json(read) else read


def _same_in_json(value: Any) -> bool:
    """Whether every JSON parser reads this value unchanged."""
    try:
        return bool(msgspec.json.decode(msgspec.json.encode(value)) == value)
    except (OverflowError, UnicodeEncodeError, msgspec.MsgspecError):
        return False


def read(value: Any) -> Any:
    """Convert a stored value back, to a new object that the caller can change."""
    if isinstance(value, dict) and value.keys() == {_TEXT}:
        return json.loads(value[_TEXT])
    return value if not isinstance(value, dict | list) else msgspec.to_builtins(value)


def all_read(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: read(value) for name, value in values.items()}
