"""Check keys, because servers differ in how they treat `.`, `..` and `//`."""

from collections.abc import Iterable

from tunelet.errors import FieldError, Reject


def checked(key: str) -> str:
    """Return the key. Raises `Reject` if it is not a relative path of plain segments."""
    if any(segment in ("", ".", "..") for segment in key.split("/")) or not _is_text(key):
        problem = FieldError("key", key, "is not a path below the store", "name a relative path")
        raise Reject(f"not a key: {key!r}", [problem])
    return key


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in key


def added(sizes: Iterable[int], most: int) -> int:
    """Return the sum of the sizes, of which no more are taken once they reach `most`."""
    total = 0
    for size in sizes:
        if total >= most:
            break
        total += size
    return total
