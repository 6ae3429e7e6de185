"""Checks of settings of Optuna's samplers beyond their types.

The functions that check requests must not load Optuna, so this module does not import it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from algorithms.catalog.entry import Check, Entry, is_number
from algorithms.catalog.registry import wrong_settings
from tunelet.core.problem import Demands
from tunelet.errors import FieldError
from tunelet.space import Categorical, Space
from tunelet.text.messages import listed, near_miss, path, shown

SETTINGS = "hpo_algorithm.settings"
_PARENTS = {"SPXCrossover": 3, "UNDXCrossover": 3}
"""The number of parents of the crossovers that mix more than two."""


def every(*checks: Check) -> Check:
    """Return a check that finds all faults that `checks` find."""
    return lambda settings, demands: [
        error for check in checks for error in check(settings, demands)
    ]


def group_alone(settings: Mapping[str, Any], _demands: Demands) -> list[FieldError]:
    if not settings.get("group") or settings.get("multivariate") is not False:
        return []
    message, remedy = "needs multivariate", "leave multivariate out or set it to true"
    return [FieldError(f"{SETTINGS}.group", True, message, remedy)]


def finite(_settings: Mapping[str, Any], demands: Demands) -> list[FieldError]:
    """Return faults of hyperparameters with infinitely many values: BruteForceSampler tries all."""
    return [
        FieldError(
            f"hyperparameters.{one.name}",
            one.name,
            "has infinitely many values, and brute force tries every one",
            "give it a step, or use grid_search, which chooses points",
        )
        for one in demands.space or ()
        if one.count is None
    ]


def gridded(settings: Mapping[str, Any], demands: Demands) -> list[FieldError]:
    """Return faults of `search_space`, which must list values unless there are finitely many."""
    given, field = settings.get("search_space") or {}, f"{SETTINGS}.search_space"
    space = demands.space or Space(())
    missing = [one for one in space if one.count is None and one.name not in given]
    remedy = "list the values to try, or use grid_search, which chooses points"
    errors = [
        FieldError(field, None, f"lacks {one.name}, which has infinitely many values", remedy)
        for one in missing
    ]
    for name, values in given.items():
        if isinstance(values, list) and values:
            for place, value in enumerate(values):
                errors += _value(space, name, value, path([name, place], field), demands)
        else:
            remedy = "list the values to try"
            where = path([name], field)
            errors.append(FieldError(where, shown(values), "must be an array of values", remedy))
    return errors


def values_of(setting: str) -> Check:
    """Return a check of a setting that is an object of values by hyperparameter."""

    def check(settings: Mapping[str, Any], demands: Demands) -> list[FieldError]:
        space, field = demands.space or Space(()), f"{SETTINGS}.{setting}"
        return [
            error
            for name, value in (settings.get(setting) or {}).items()
            for error in _value(space, name, value, path([name], field), demands)
        ]

    return check


def _value(space: Space, name: str, value: Any, field: str, demands: Demands) -> list[FieldError]:
    if demands.space is None:
        return []
    if name not in space.parameters:
        remedy = near_miss(name, space.parameters)
        return [FieldError(field, shown(value), "is not a hyperparameter here", remedy)]
    fault = space[name].fault(value)
    return [] if fault is None else [FieldError(field, shown(value), fault.message, fault.remedy)]


def whole_x0(settings: Mapping[str, Any], demands: Demands) -> list[FieldError]:
    """Return a fault if `x0` lacks a number of the space: CMA-ES needs a start in all of them."""
    given = settings.get("x0")
    numbers = [
        one.name
        for one in demands.space or ()
        if not isinstance(one, Categorical) and one.count != 1
    ]
    missing = [] if given is None else [name for name in numbers if name not in given]
    if not missing:
        return []
    message, remedy = f"lacks {listed(missing)}", "name a value of each number, or leave it out"
    return [FieldError(f"{SETTINGS}.x0", None, message, remedy)]


def one_form(settings: Mapping[str, Any], _demands: Demands) -> list[FieldError]:
    """Return a fault if two forms of CMA-ES are combined, which Optuna does not support."""
    chosen = [one for one in ("use_separable_cma", "with_margin", "lr_adapt") if settings.get(one)]
    if len(chosen) < 2:
        return []
    message, remedy = f"excludes {chosen[0]}", "leave one of the two out"
    return [FieldError(f"{SETTINGS}.{chosen[1]}", True, message, remedy)]


def enough_parents(settings: Mapping[str, Any], _demands: Demands) -> list[FieldError]:
    needed, size = _PARENTS.get(str(settings.get("crossover")), 2), settings.get("population_size")
    if size is None or size >= needed:
        return []
    message = f"is less than the parents that {settings['crossover']} mixes"
    remedy = f"use at least {needed}"
    return [FieldError(f"{SETTINGS}.population_size", size, message, remedy)]


def reference_points(settings: Mapping[str, Any], demands: Demands) -> list[FieldError]:
    """Return faults of reference points: each must be a row with a number for every objective."""
    return [
        FieldError(
            f"{SETTINGS}.reference_points[{place}]",
            shown(row),
            "is not a row of coordinates",
            f"write {demands.objectives} numbers, one for each objective",
        )
        for place, row in enumerate(settings.get("reference_points") or ())
        if not (isinstance(row, list) and len(row) == demands.objectives)
        or not all(map(is_number, row))
    ]


def sampler_in(
    setting: str, samplers: Callable[[], Mapping[str, Entry]], learns: bool = True
) -> Check:
    """Return a check of a setting that is a sampler: its name, or its name and settings.

    `samplers` returns the entries of Optuna's samplers by the names of their classes. `learns`:
    this sampler suggests all hyperparameters, so it must support the request's constraints.
    """

    def check(settings: Mapping[str, Any], demands: Demands) -> list[FieldError]:
        asked, field = settings.get(setting), f"{SETTINGS}.{setting}"
        if asked is None:
            return []
        whole: Any = {"name": asked} if isinstance(asked, str) else asked
        inner = whole.get("settings", {}) if isinstance(whole, dict) else None
        known = samplers()
        if not isinstance(inner, dict) or not isinstance(whole.get("name"), str):
            message = "must be a sampler's name, or an object with its name and settings"
            return [FieldError(field, shown(asked), message, f"use one of {listed(known, 30)}")]
        row = known.get(whole["name"].removeprefix("optuna."))
        if row is None:
            remedy = near_miss(whole["name"], known)
            message = "is not a sampler of Optuna"
            return [FieldError(field, shown(whole["name"]), message, remedy)]
        wrong = wrong_settings(row, inner, field) or [
            error._replace(field=error.field.replace(SETTINGS, f"{field}.settings", 1))
            for error in row.check(inner, demands)
        ]
        return [*_misfits(row, demands, field, known, learns), *wrong]

    return check


def _misfits(
    row: Entry, demands: Demands, field: str, samplers: Mapping[str, Entry], learns: bool
) -> list[FieldError]:
    def error(message: str, able: Iterable[str]) -> list[FieldError]:
        return [FieldError(field, row.name, message, f"use one of {listed(able, 30)}")]

    known = samplers.items()
    if row.objectives is not None and demands.objectives > row.objectives:
        message = f"supports at most {row.objectives} of the {demands.objectives} objectives"
        return error(message, (name for name, one in known if one.objectives is None))
    if learns and demands.constraints and not row.constraints:
        able = (name for name, one in known if one.constraints)
        return error("does not support constraints", able)
    return []
