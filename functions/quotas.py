"""Read quotas from JSON: a default, and what differs from it in single namespaces.

{"default": {"experiments": 100, "live_trials": 50},
 "namespaces": {"vision": {"live_trials": 200, "stored_bytes": null}}}
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from functions.given import json_value
from tunelet.core.quotas import Quota, Quotas
from tunelet.errors import FieldError, Reject
from tunelet.text.limits import LARGEST_INTEGER, NAME

_Check = Callable[[Any], bool]


def quotas(given: str, name: str) -> Quotas:
    """Return the quotas of `given`: a JSON object, or the path of a file with one.

    `name` is where they were given. Raises `Reject` with all problems.
    """
    errors: list[FieldError] = []
    written = json_value(given, name, "the quotas are invalid")
    raw = _members(written, name, ("default", "namespaces"), errors)
    default = _quota(raw.get("default", {}), f"{name}.default", Quota(), errors)
    own = _members(raw.get("namespaces", {}), f"{name}.namespaces", None, errors)
    found = {
        namespace: _quota(each, f"{name}.namespaces.{namespace}", default, errors)
        for namespace, each in own.items()
    }
    errors += [_no_name(name, each) for each in own if not re.fullmatch(NAME, each, re.ASCII)]
    if errors:
        raise Reject("the quotas are invalid", errors)
    return Quotas(default, found)


def _members(
    raw: Any, where: str, known: tuple[str, ...] | None, errors: list[FieldError]
) -> Mapping[str, Any]:
    """Return the object's members; those that are not `known` are errors."""
    if not isinstance(raw, dict):
        errors.append(FieldError(where, raw, "is not an object", "write an object in braces"))
        return {}
    for name in raw:
        if known is not None and name not in known:
            remedy = f"leave it out; known are {', '.join(known)}"
            errors.append(FieldError(f"{where}.{name}", raw[name], "is unknown", remedy))
    return raw


def _quota(raw: Any, where: str, default: Quota, errors: list[FieldError]) -> Quota:
    given = _members(raw, where, Quota._fields, errors)
    limits = {}
    for name in Quota._fields:
        if name not in given:
            continue
        allowed, remedy = _CHECKS.get(name, (_is_count, "write an integer from 0, or null"))
        if given[name] is not None and not allowed(given[name]):
            errors.append(FieldError(f"{where}.{name}", given[name], "is not allowed", remedy))
        limits[name] = given[name]
    return default._replace(**limits)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_INTEGER


def _is_rate(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value <= LARGEST_INTEGER


_CHECKS: Mapping[str, tuple[_Check, str]] = {
    "reports_per_second": (_is_rate, "write a number above 0, or null")
}


def _no_name(where: str, namespace: str) -> FieldError:
    remedy = "use at most 40 of a-z, 0-9 and inner dashes, and begin with a letter"
    return FieldError(f"{where}.namespaces", namespace, "is not the name of a namespace", remedy)
