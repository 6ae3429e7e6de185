"""What is a key in every store: servers differ in what they make of `.`, `..` and `//`."""

from tunelet.errors import FieldError, Reject


def checked(key: str) -> str:
    """The key itself. Raises `Reject` if it is no relative path of plain segments."""
    if any(segment in ("", ".", "..") for segment in key.split("/")) or "\0" in key:
        problem = FieldError("key", key, "is not a path below the store", "name a relative path")
        raise Reject(f"not a key: {key!r}", [problem])
    return key
