"""Settings that are JSON, or the path of a file with it, such as a mounted ConfigMap."""

from pathlib import Path

from tunelet.errors import FieldError, Reject


def json_text(given: str, name: str) -> str:
    """Return the text of a JSON object: `given` itself, or what the file at that path has.

    `name` is where it was given. Raises `Reject` if there is no such file.
    """
    if given.lstrip().startswith("{"):
        return given
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, ValueError) as fault:
        remedy = "set a JSON object, or the path of a file with one"
        error = FieldError(name, given, f"cannot be read: {fault}", remedy)
        raise Reject(f"{name} cannot be read", [error]) from None
