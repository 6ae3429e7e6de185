"""Checks of stopping rules' settings beyond their types.

An error names its field relative to the rule, such as `settings.lower`, because a request may name
a rule in more than one place.
"""

from collections.abc import Mapping
from typing import Any

from tunelet.core.problem import Demands
from tunelet.errors import FieldError
from tunelet.text.messages import shown

Errors = list[FieldError]


def wrapped(settings: Mapping[str, Any], demands: Demands) -> Errors:
    """Return faults of the rule inside `patience`: its name, or its name and settings."""
    asked, field = settings.get("wrapped_pruner"), "settings.wrapped_pruner"
    if asked is None:
        return []
    form = {"name": asked} if isinstance(asked, str) else asked
    if not isinstance(form, dict) or form.keys() - {"name", "settings"}:
        remedy = 'write the name of a rule, or {"name": "median", "settings": {}}'
        return [FieldError(field, shown(asked), "is not a stopping rule", remedy)]
    name, inner = form.get("name"), form.get("settings", {})
    if not isinstance(name, str):
        remedy = 'name a rule, such as "median"'
        return [FieldError(f"{field}.name", shown(name), "must be text", remedy)]
    if not isinstance(inner, dict):
        return [FieldError(f"{field}.settings", shown(inner), "must be an object", "write {}")]
    # Circular on purpose: the inner rule may be any installed one, including this one.
    from algorithms.catalog.installed import InstalledAlgorithms

    return InstalledAlgorithms().rule_problems(name, inner, demands, field)


def bounded(settings: Mapping[str, Any], _demands: Demands) -> Errors:
    """Return a fault if there is no bound, or if the lower one is above the upper one."""
    lower, upper = settings.get("lower"), settings.get("upper")
    if lower is None and upper is None:
        remedy = "set the least value that may continue, or upper, the most"
        return [FieldError("settings.lower", None, "is missing, and upper as well", remedy)]
    if lower is not None and upper is not None and lower > upper:
        return [FieldError("settings.lower", lower, f"is above upper, {upper:g}", "swap them")]
    return []


def graced(settings: Mapping[str, Any], _demands: Demands) -> Errors:
    """Return a fault if the grace period ends after the last step."""
    grace, last = settings.get("grace_period", 1), settings.get("max_t", 100)
    if grace <= last:
        return []
    remedy = "make grace_period smaller, or max_t larger"
    return [FieldError("settings.grace_period", grace, f"is above max_t, {last}", remedy)]
