"""A user's own regular expression, matched in time that is linear in the text (RE2).

Python's `re` backtracks: one pattern such as `(a+)+$` can keep it busy for years, nothing
can interrupt it, and it would hold up every other experiment meanwhile. RE2 has neither
look-around nor references back (https://github.com/google/re2/wiki/Syntax), and `\\w`, `\\d`
and `\\s` stand for ASCII; in return no pattern and no output can hang it.
"""

from importlib import import_module
from typing import Any

from tunelet.errors import FieldError, Reject

_PROGRAM_BYTES = 1 << 16
"""A line takes time in proportion to the compiled pattern, so that is kept small."""


def compiled(pattern: str) -> Any:
    """The pattern with `finditer` and `groupindex`, as `re` has them.

    Raises `Reject` with what is wrong with it, or if RE2 is not installed.
    """
    try:
        re2 = import_module("re2")
    except ModuleNotFoundError:
        raise _refused(pattern, "needs the package google-re2", "install it here") from None
    options = re2.Options()
    options.log_errors, options.max_mem = False, _PROGRAM_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        # Its binding gives bytes.
        reason = error.args[0].decode(errors="replace")[:100]
        message = f"is not a regular expression: {reason}"
        raise _refused(pattern, message, "write one that RE2 accepts (no look-around)") from None


def _refused(pattern: str, message: str, remedy: str) -> Reject:
    error = FieldError("metrics.pattern", pattern, message, remedy)
    return Reject(f"metrics.pattern {message}", [error])
