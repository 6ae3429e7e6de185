"""Settings that are JSON, or the path of a file with it, such as a mounted ConfigMap."""

from pathlib import Path
from typing import Any

from tunelet.errors import FieldError, Reject
from tunelet.text.strict_json import NotJson, decode

_REMEDY = "set a JSON object, or the path of a file with one"


def json_text(given: str, name: str) -> str:
    """Return the text of a JSON object: `given` itself, or what the file at that path has.

    `name` is where it was given. Raises `Reject` if there is no such file.
    """
    if given.lstrip().startswith("{"):
        return given
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, ValueError) as fault:
        error = FieldError(name, given, f"cannot be read: {fault}", _REMEDY)
        raise Reject(f"{name} cannot be read", [error]) from None


def json_value(given: str, name: str, refusal: str) -> Any:
    """Return the value of that text. Raises `Reject` with this message if it is not JSON."""
    try:
        return decode(json_text(given, name).encode())
    except (NotJson, ValueError) as fault:
        error = FieldError(name, given, f"cannot be read: {fault}", _REMEDY)
        raise Reject(refusal, [error]) from None
