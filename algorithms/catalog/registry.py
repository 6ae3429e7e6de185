"""A registry: algorithms or stopping rules by name, from a table and from plugins."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from algorithms.catalog.entry import Entry, Setting
from tunelet.core.problem import Demands
from tunelet.errors import FieldError, Reject
from tunelet.text.messages import MOST, listed, near_miss, path, shown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_PYTHON: dict[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "string": str,
}


class Registry:
    """Algorithms or stopping rules. Messages call one a `noun`; `group` has the entry points."""

    def __init__(self, table: Mapping[str, Entry], noun: str, group: str) -> None:
        self._table = table
        self._noun = noun
        self._group = group

    def names(self) -> Sequence[str]:
        return sorted({*self._table, *self._plugins})

    def describe(self) -> Sequence[Mapping[str, Any]]:
        return [self._description(name) for name in self.names()]

    def problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands, field: str
    ) -> list[FieldError]:
        """Return the faults of a request that has the name and the settings in `field`."""
        row = self.row(name, field)
        if isinstance(row, FieldError):
            return [row]
        wrong = wrong_settings(row, settings, field) or [
            _within(field, error) for error in row.check(settings, demands)
        ]
        return [*self._misfits(row, demands, field), *wrong]

    def built_in(self, name: str) -> Entry | None:
        return self._table.get(name)

    def has(self, name: str) -> bool:
        """Whether it is built in or a plugin."""
        return name in self._table or name in self._plugins

    def load(self, name: str, settings: Mapping[str, Any]) -> Any:
        """Import and make it. Raises `Reject` if it is unknown or absent, or its settings wrong."""
        row = self.check(name, settings)
        module, _, attribute = row.target.partition(":")
        factory = getattr(importlib.import_module(module), attribute)
        try:
            return factory(**dict(row.bind), **settings)
        except (TypeError, ValueError) as error:
            raise Reject(f"The {self._noun} {name} refused its settings: {error}") from error

    def check(self, name: str, settings: Mapping[str, Any]) -> Entry:
        """Return its entry. Raises `Reject` if it is unknown or absent, or its settings wrong."""
        row = self.row(name, self._noun)
        errors = [row] if isinstance(row, FieldError) else wrong_settings(row, settings, self._noun)
        if errors or isinstance(row, FieldError):
            why = f"{errors[0].field} {errors[0].message}"
            raise Reject(f"The {self._noun} {name} cannot be used as asked: {why}", errors)
        return row

    def row(self, name: str, field: str) -> Entry | FieldError:
        """Return its entry, or why it cannot be used."""
        row = self._table.get(name) or self._plugin(name, field)
        if isinstance(row, FieldError):
            return row
        missing = [library for library in row.libraries if find_spec(library) is None]
        if not missing:
            return row
        return FieldError(
            f"{field}.name",
            name,
            f"needs {listed(missing)}, which is not installed",
            f"install tunelet[{row.extra}], or use another {self._noun}",
        )

    @cached_property
    def _plugins(self) -> "dict[str, EntryPoint]":
        from algorithms.catalog.plugins import scan

        return scan(self._group)

    def _plugin(self, name: str, field: str) -> Entry | FieldError:
        if name not in self._plugins:
            remedy = near_miss(name, self.names())
            known = listed(self.names(), 100)
            if remedy.startswith("did you mean"):
                remedy += f" There are {known}"
            else:
                remedy = f"leave it out, or use one of {known}"
            message = f"is not an installed {self._noun}"
            return FieldError(f"{field}.name", shown(name), message, remedy)
        from algorithms.catalog.plugins import row

        try:
            return row(self._plugins[name])
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            return FieldError(
                f"{field}.name",
                name,
                f"cannot be loaded: {error}",
                f"repair or remove the plugin {self._plugins[name].value}",
            )

    def _misfits(self, row: Entry, demands: Demands, field: str) -> list[FieldError]:
        """The demands that it cannot meet, with the names of those that can."""
        errors = []
        if row.objectives is not None and demands.objectives > row.objectives:
            message = f"are more than {row.name} supports, which is {row.objectives}"
            remedy = self._others("objectives", demands, field) + ", or name fewer objectives"
            errors.append(FieldError("objectives", demands.objectives, message, remedy))
        if row.parallel is not None and demands.parallel > row.parallel:
            message = f"is more than {row.name} supports, which is {row.parallel}"
            remedy = self._others("parallel", demands, field) + f", or set it to {row.parallel}"
            errors.append(FieldError("parallel_trials", demands.parallel, message, remedy))
        if demands.constraints and not row.constraints:
            message = f"are set, but {row.name} does not support constraints"
            remedy = self._others("constraints", demands, field) + ", or leave them out"
            errors.append(FieldError("constraints", demands.constraints, message, remedy))
        if demands.space is not None and not row.conditions:
            message = f"is a condition, and {row.name} does not support conditions"
            remedy = self._others("conditions", demands, field) + ", or remove the condition"
            errors += [
                FieldError(f"hyperparameters.{each.name}.when", sorted(each.when), message, remedy)
                for each in demands.space
                if each.when
            ]
        return errors

    def _others(self, what: str, demands: Demands, field: str) -> str:
        """The built-in ones that meet all demands, by name."""
        able = sorted(name for name, row in self._table.items() if _able(row, demands))
        return f"use {listed(able, 100)}" if able else f"no {self._noun} supports these {what}"

    def _description(self, name: str) -> dict[str, Any]:
        row = self.row(name, "")
        usable = isinstance(row, Entry)
        known = (
            row if isinstance(row, Entry) else self._table.get(name) or Entry(name, row.message, "")
        )
        return {
            "name": name,
            "summary": known.summary,
            "installed": usable,
            "extra": known.extra,
            "supports": {
                "conditions": known.conditions,
                "branches": known.branches,
                "choices": known.choices,
                "integers": known.integers,
                "objectives": known.objectives,
                "constraints": known.constraints,
                "fidelity": known.fidelity,
                "parallel": known.parallel,
                "warm_start": known.warm_start,
            },
            "settings": [
                {
                    "name": setting.name,
                    "type": setting.type,
                    "default": setting.default,
                    "required": setting.required,
                    "nullable": setting.nullable,
                    "minimum": setting.minimum,
                    "maximum": setting.maximum,
                    "choices": list(setting.choices) or None,
                    "summary": setting.summary,
                }
                for setting in known.settings
            ],
        }


def _able(row: Entry, demands: Demands) -> bool:
    conditional = demands.space is not None and demands.space.conditional
    return (
        (row.objectives is None or row.objectives >= demands.objectives)
        and (row.parallel is None or row.parallel >= demands.parallel)
        and (row.constraints or not demands.constraints)
        and (row.conditions or not conditional)
    )


def _within(field: str, error: FieldError) -> FieldError:
    """The error with its field below `field`: a rule's check names fields relative to the rule."""
    if not error.field.startswith("settings"):
        return error
    return FieldError(f"{field}.{error.field}", error.value, error.message, error.remedy)


def wrong_settings(row: Entry, settings: Mapping[str, Any], field: str) -> list[FieldError]:
    """Return a fault for each setting that is unknown, has a wrong value, or is missing.

    Stops soon after `MOST` faults, the number that an answer shows: finding remedies takes time.
    """
    known = {setting.name: setting for setting in row.settings}
    errors: list[FieldError] = []
    for name, value in settings.items():
        if len(errors) > MOST:
            break
        fault = _fault(known[name], value) if name in known else _unknown(row, name, known)
        if fault:
            errors.append(FieldError(path(["settings", name], field), shown(value), *fault))
    for name, setting in known.items():
        if setting.required and name not in settings:
            where = path(["settings", name], field)
            errors.append(FieldError(where, None, "is missing", setting.summary or "add it"))
    return errors


def _unknown(row: Entry, name: str, known: Iterable[str]) -> tuple[str, str]:
    return f"is not a setting of {row.name}", near_miss(name, known)


def _fault(setting: Setting, value: Any) -> tuple[str, str] | None:
    """The fault of a setting's value, and the remedy."""
    if setting.type == "any" or (value is None and setting.nullable):
        return None
    expected = _PYTHON[setting.type]
    article = "an" if setting.type in ("integer", "array", "object") else "a"
    if not isinstance(value, expected) or (isinstance(value, bool) and setting.type != "boolean"):
        return f"must be {article} {setting.type}", f"use {article} {setting.type}, or leave it out"
    if setting.minimum is not None and cast(float, value) < setting.minimum:
        return f"must be at least {setting.minimum:g}", "use a larger one, or leave it out"
    if setting.maximum is not None and cast(float, value) > setting.maximum:
        return f"must be at most {setting.maximum:g}", "use a smaller one, or leave it out"
    if setting.choices and value not in setting.choices:
        return "is not one of its values", f"use one of {listed(setting.choices)}, or leave it out"
    return None
