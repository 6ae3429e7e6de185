"""Conditions on a Kubernetes object: whether it says that the training succeeded or failed.

They are the part of GJSON's paths that users of Katib know, and comparisons:

    status.conditions.#(type=="Complete")#|#(status=="True")#
    status.[@this].#(phase=="Succeeded")#
    status.phase=="Succeeded"

A path is names, `[@this]` (a list of what stands there) and filters of lists, joined by `.`
or `|`; a filter `#(name=="value")#` keeps the members whose field is (`!=`: is not) that JSON
value, `#(…)` the first of them. A condition without comparison is met if something is found
there that is neither empty nor false. https://github.com/tidwall/gjson/blob/master/SYNTAX.md
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tunelet.errors import FieldError, Reject
from tunelet.text.lazy_pattern import lazy_pattern

_LITERAL = (
    r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt])*"'
    r"|-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?|true|false|null"
)
_COMPARED = rf"(?P<sign>==|!=)(?P<value>{_LITERAL})"
_NAME = r"[A-Za-z0-9_/-](?:[A-Za-z0-9_/-]|\\.)*"
_STEP = lazy_pattern(
    rf"#\((?P<field>{_NAME}){_COMPARED}\)(?P<all>#)?|(?P<this>\[@this\]|@this)|(?P<name>{_NAME})"
)
_END = lazy_pattern(_COMPARED)


class Comparison(NamedTuple):
    equal: bool
    value: Any

    def holds(self, found: Any) -> bool:
        return (found == self.value) is self.equal


class Filter(NamedTuple):
    field: str
    comparison: Comparison
    all: bool


class Criterion(NamedTuple):
    """A condition that has been read. A step is a name, a filter, or True for `[@this]`."""

    steps: tuple[str | Filter | bool, ...]
    comparison: Comparison | None = None

    def holds(self, thing: Any) -> bool:
        for step in self.steps:
            thing = _after(step, thing)
        return bool(thing) if self.comparison is None else self.comparison.holds(thing)


def criterion(text: str, field: str = "condition") -> Criterion:
    """Raises `Reject` if `text`, which stands in the request's `field`, is no condition."""
    steps: list[str | Filter | bool] = []
    place = 0
    while found := _STEP.match(text, place):
        steps.append(_step(found))
        place = found.end()
        if place == len(text):
            return Criterion(tuple(steps))
        if end := _END.fullmatch(text, place):
            return Criterion(tuple(steps), _comparison(end))
        if text[place] not in ".|":
            break
        place += 1
    message = f"cannot be read from character {place + 1} on"
    remedy = 'write it as in status.conditions.#(type=="Complete")#|#(status=="True")#'
    raise Reject(f"{field} {message}; {remedy}", [FieldError(field, text, message, remedy)])


def _step(found: re.Match[str]) -> str | Filter | bool:
    if found["field"]:
        return Filter(_plain(found["field"]), _comparison(found), bool(found["all"]))
    return True if found["this"] else _plain(found["name"])


def _plain(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name)


def _comparison(found: re.Match[str]) -> Comparison:
    return Comparison(found["sign"] == "==", json.loads(found["value"]))


def _after(step: str | Filter | bool, thing: Any) -> Any:
    if step is True:
        return [thing]
    if isinstance(step, Filter):
        members = thing if isinstance(thing, list) else []
        kept = [m for m in members if step.comparison.holds(_member(m, step.field))]
        return kept if step.all else next(iter(kept), None)
    return _member(thing, str(step))


def _member(thing: Any, name: str) -> Any:
    if isinstance(thing, list) and name.isdecimal():
        return thing[int(name)] if int(name) < len(thing) else None
    return thing.get(name) if isinstance(thing, Mapping) else None
