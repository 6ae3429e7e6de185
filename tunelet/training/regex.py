r"""Users' regular expressions, matched in time that is linear in the text (RE2).

Python's `re` backtracks: one pattern such as `(a+)+$` can keep it busy for years. Nothing can
interrupt it, and all other experiments would wait. RE2 has neither lookaround nor backreferences
(https://github.com/google/re2/wiki/Syntax), and `\w`, `\d` and `\s` match only ASCII. In return no
pattern and no output can make it hang.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from tunelet.errors import FieldError, Reject

_PROGRAM_BYTES = 1 << 16
"""The limit of a compiled pattern's size: the time for a line is proportional to it."""
NAMED = r"(?P<name>\w+): (?P<value>[-+.\de]+)%?"
"""Reads `loss: 0.5, acc: 93.5%`."""
ALONE = r"accuracy: (?P<value>[-+.\de]+)"

Written = str | Sequence[str] | Mapping[str, str] | None
"""A pattern, several of them, or one for each metric."""


class Matcher(NamedTuple):
    expression: Any
    """A compiled pattern with `finditer`, as in `re`."""
    value: int
    """The group of the value."""
    name: int | None
    """The group of the metric's name."""
    metric: str | None
    """The metric if there is no such group, or if the group is empty."""


def matchers(written: Written, objectives: Sequence[str]) -> tuple[Matcher, ...]:
    """Return the matchers of the patterns. Raises `Reject` with all faults of the patterns."""
    found, errors = list[Matcher](), list[FieldError]()
    for field, metric, pattern in _each(written):
        try:
            found.append(_matcher(pattern, metric, field, objectives))
        except Reject as refusal:
            errors += refusal.errors
    if errors:
        raise Reject(f"{errors[0].field} {errors[0].message}", errors)
    return tuple(found)


def _each(written: Written) -> Iterator[tuple[str, str | None, str]]:
    """The field of each pattern, its metric, and the pattern."""
    if isinstance(written, str):
        yield "metrics.pattern", None, written
    elif isinstance(written, Mapping):
        yield from ((f"metrics.pattern.{name}", name, one) for name, one in written.items())
    elif written is not None:
        yield from ((f"metrics.pattern[{n}]", None, one) for n, one in enumerate(written))


def _matcher(pattern: str, metric: str | None, field: str, objectives: Sequence[str]) -> Matcher:
    expression = _compiled(pattern, field)
    groups: Mapping[str, int] = expression.groupindex
    if metric is not None:
        if "value" not in groups and expression.groups != 1:
            message = "needs the group value, or just one group"
            raise _refused(field, pattern, message, f'write one such as "{ALONE}"')
        return Matcher(expression, groups.get("value", 1), None, metric)
    if "value" not in groups:
        missing = "value" if "name" in groups else "name and value"
        message = f"lacks the group {missing}"
        raise _refused(field, pattern, message, f'write one such as "{NAMED}"')
    # If there is only one objective, the pattern needs no name.
    only = objectives[0] if len(objectives) == 1 else None
    if "name" not in groups and only is None:
        message = "has no group name, and there are several objectives"
        example = f'{{"{objectives[0] if objectives else "accuracy"}": "{ALONE}"}}'
        raise _refused(field, pattern, message, f"write a pattern for each metric: {example}")
    return Matcher(expression, groups["value"], groups.get("name"), only)


def _compiled(pattern: str, field: str) -> Any:
    try:
        re2 = import_module("re2")
    except ModuleNotFoundError:
        message, remedy = "needs the package google-re2", "install it here"
        raise _refused(field, pattern, message, remedy) from None
    options = re2.Options()
    options.log_errors, options.max_mem = False, _PROGRAM_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        # The Python binding gives bytes.
        reason = error.args[0].decode(errors="replace")[:100]
        message = f"is not a regular expression: {reason}"
        remedy = "write one that RE2 accepts (no look-around)"
        raise _refused(field, pattern, message, remedy) from None


def _refused(field: str, pattern: str, message: str, remedy: str) -> Reject:
    return Reject(f"{field} {message}", [FieldError(field, pattern, message, remedy)])
