"""Which algorithms there are, and whether one can do what a request asks of it."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from algorithms.table import TABLE, Row, Setting, contradictions
from tunelet.errors import FieldError, Reject
from tunelet.ports import Algorithm, Catalog
from tunelet.wording import listed, near_miss, path, shown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from tunelet.space import Space

_FIELD = "hpo_algorithm"
_PYTHON: dict[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "string": str,
}


class InstalledAlgorithms:
    """The table and, once a name is asked for that it lacks, the plugins."""

    def names(self) -> Sequence[str]:
        return sorted({*TABLE, *self._plugins})

    def describe(self) -> Sequence[Mapping[str, Any]]:
        return [self._description(name) for name in self.names()]

    def problems(
        self, name: str, settings: Mapping[str, Any], space: "Space | None", objectives: int
    ) -> list[FieldError]:
        row = self._row(name)
        if isinstance(row, FieldError):
            return [row]
        return [*_misfits(row, space, objectives), *_wrong_settings(row, settings)]

    def light(self, name: str) -> bool:
        row = TABLE.get(name)
        return row is not None and row.light

    def load(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        """Import and make the algorithm; `Reject` if it is unknown, absent or set up wrongly."""
        row = self._row(name)
        errors = [row] if isinstance(row, FieldError) else _wrong_settings(row, settings)
        if errors or isinstance(row, FieldError):
            raise Reject(f"The algorithm {name} cannot be used as asked", errors)
        module, _, attribute = row.target.partition(":")
        factory = getattr(importlib.import_module(module), attribute)
        try:
            return cast(Algorithm, factory(**settings))
        except (TypeError, ValueError) as error:
            raise Reject(f"The algorithm {name} refused its settings: {error}") from error

    @cached_property
    def _plugins(self) -> "dict[str, EntryPoint]":
        from algorithms.plugins import scan

        return scan()

    def _row(self, name: str) -> Row | FieldError:
        """The algorithm's row, or why it cannot be used."""
        row = TABLE.get(name) or self._plugin(name)
        if isinstance(row, Row) and row.library and find_spec(row.library) is None:
            return FieldError(
                f"{_FIELD}.name",
                name,
                f"needs {row.library}, which is not installed",
                f"install tunelet[{row.extra}], or use another algorithm",
            )
        return row

    def _plugin(self, name: str) -> Row | FieldError:
        if name not in self._plugins:
            remedy = near_miss(name, self.names())
            if remedy.startswith("did you mean"):
                remedy += f" There are {listed(self.names(), 50)}"
            return FieldError(
                f"{_FIELD}.name", shown(name), "is not an installed algorithm", remedy
            )
        from algorithms.plugins import row

        try:
            return row(self._plugins[name])
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            return FieldError(
                f"{_FIELD}.name",
                name,
                f"cannot be loaded: {error}",
                f"repair or remove the plugin {self._plugins[name].value}",
            )

    def _description(self, name: str) -> dict[str, Any]:
        row = self._row(name)
        usable = isinstance(row, Row)
        known = row if isinstance(row, Row) else TABLE.get(name) or Row(name, row.message, "")
        return {
            "name": name,
            "summary": known.summary,
            "installed": usable,
            "supports": {"conditions": known.conditions, "objectives": known.objectives},
            "settings": [
                {
                    "name": setting.name,
                    "type": setting.type,
                    "default": setting.default,
                    "nullable": setting.nullable,
                    "minimum": setting.minimum,
                    "summary": setting.summary,
                }
                for setting in known.settings
            ],
        }


def _misfits(row: Row, space: "Space | None", objectives: int) -> list[FieldError]:
    """What the algorithm cannot do at all."""
    errors = []
    if row.objectives is not None and objectives > row.objectives:
        errors.append(
            FieldError(
                "objectives",
                objectives,
                f"are more than {row.name} handles, which is {row.objectives}",
                "use tpe, or name fewer objectives",
            )
        )
    if space is not None and not row.conditions:
        errors += [
            FieldError(
                f"hyperparameters.{parameter.name}.when",
                sorted(parameter.when),
                f"is a condition, which {row.name} does not handle",
                "use tpe or random_search, or remove the condition",
            )
            for parameter in space
            if parameter.when
        ]
    return errors


def _wrong_settings(row: Row, settings: Mapping[str, Any]) -> list[FieldError]:
    known = {setting.name: setting for setting in row.settings}
    errors = []
    for name, value in settings.items():
        fault = _fault(known[name], value) if name in known else _unknown(row, name, known)
        if fault:
            field = path(["settings", name], _FIELD)
            errors.append(FieldError(field, shown(value), *fault))
    return errors or contradictions(row.name, settings)


def _unknown(row: Row, name: str, known: Iterable[str]) -> tuple[str, str]:
    return f"is not a setting of {row.name}", near_miss(name, known)


def _fault(setting: Setting, value: Any) -> tuple[str, str] | None:
    """What is wrong with a setting's value, and the remedy."""
    if setting.type == "any" or (value is None and setting.nullable):
        return None
    expected = _PYTHON[setting.type]
    article = "an" if setting.type == "integer" else "a"
    if not isinstance(value, expected) or (isinstance(value, bool) and setting.type != "boolean"):
        return f"must be {article} {setting.type}", f"use {article} {setting.type}, or leave it out"
    if setting.minimum is not None and cast(float, value) < setting.minimum:
        return f"must be at least {setting.minimum}", "use a larger one, or leave it out"
    return None


if TYPE_CHECKING:
    _: type[Catalog] = InstalledAlgorithms
