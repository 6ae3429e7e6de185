"""The entries of the algorithms in algorithms/own."""

from collections.abc import Mapping
from typing import Any

from algorithms.catalog.entry import Entry, Setting, is_number
from tunelet.core.problem import Demands
from tunelet.errors import FieldError
from tunelet.text.messages import near_miss, shown

_FIDELITY = (
    Setting(
        "resource",
        "string",
        None,
        nullable=True,
        summary="the hyperparameter that sets the budget, such as epochs; null: stop by reports",
    ),
    Setting("min_resource", "integer", None, nullable=True, minimum=1, summary="the least budget"),
    Setting("max_resource", "integer", None, nullable=True, minimum=1, summary="the whole budget"),
    Setting(
        "reduction_factor",
        "integer",
        3,
        minimum=2,
        summary="one in this many trials continues from each rung",
    ),
)
_PBT = (
    Setting(
        "population_size",
        "integer",
        None,
        nullable=True,
        minimum=2,
        summary="null: parallel_trials, and at least 4",
    ),
    Setting(
        "quantile_fraction",
        "number",
        0.25,
        minimum=0,
        maximum=0.5,
        summary="the share of trials that are replaced, and copied",
    ),
    Setting(
        "resample_probability",
        "number",
        0.25,
        minimum=0,
        maximum=1,
        summary="the probability of drawing a value again instead of changing it",
    ),
    Setting(
        "perturbation_factors",
        "any",
        None,
        nullable=True,
        summary="the factors that change numbers; null: 1.2 and 0.8",
    ),
)


def _factors(settings: Mapping[str, Any], _demands: Demands) -> list[FieldError]:
    given = settings.get("perturbation_factors")
    if given is None or (isinstance(given, list) and given and all(map(is_number, given))):
        return []
    field, remedy = "hpo_algorithm.settings.perturbation_factors", "write [1.2, 0.8], for example"
    return [FieldError(field, shown(given), "must be an array of numbers", remedy)]


def _budgeted(settings: Mapping[str, Any], demands: Demands) -> list[FieldError]:
    """Faults of the resource: it must be a number with bounds above 0, without conditions."""
    least, most = settings.get("min_resource"), settings.get("max_resource")
    if least is not None and most is not None and least > most:
        where, remedy = "hpo_algorithm.settings.min_resource", "use a smaller one, or leave it out"
        return [FieldError(where, least, "is more than max_resource", remedy)]
    name, space, field = settings.get("resource"), demands.space, "hpo_algorithm.settings.resource"
    if name is None or space is None:
        return []
    if name not in space.parameters:
        remedy = near_miss(name, space.parameters)
        return [FieldError(field, name, "is not a hyperparameter of this experiment", remedy)]
    resource = space[name]
    low = getattr(resource, "min", None)
    if low is None or low <= 0:
        remedy = "use an int or a float with a min above zero"
        return [FieldError(field, name, "cannot be a budget", remedy)]
    if resource.when or any(name in one.when for one in space):
        remedy = "remove the condition"
        return [FieldError(field, name, "is part of a condition", remedy)]
    return []


def _fidelity(
    name: str, summary: str, factory: str, warm_start: bool = False, **more: Any
) -> Entry:
    return Entry(
        name,
        summary,
        f"algorithms.own.fidelity:{factory}",
        _FIDELITY,
        objectives=1,
        constraints=True,
        fidelity=True,
        warm_start=warm_start,
        stops=True,
        check=_budgeted,
        **more,
    )


def _pbt(name: str) -> Entry:
    return Entry(
        name,
        "Population based training: the worst continue from the best, with changed hyperparameters",
        "algorithms.own.pbt:PopulationBasedTraining",
        _PBT,
        objectives=1,
        constraints=True,
        fidelity=True,
        warm_start=False,
        check=_factors,
    )


def _pb2(name: str) -> Entry:
    return Entry(
        name,
        "Population based bandits: as pbt, with hyperparameters from a Gaussian process",
        "algorithms.own.pb2:PopulationBasedBandits",
        _PBT[:2],
        libraries=("numpy", "scipy"),
        extra="optuna",
        choices="kept",
        integers=False,
        objectives=1,
        constraints=True,
        fidelity=True,
        warm_start=False,
    )


ROWS = (
    _fidelity("asha", "Random search that spends more on the better trials", "Asha"),
    _fidelity(
        "bohb",
        "Hyperband with draws from TPE",
        "Bohb",
        warm_start=True,
        libraries=("optuna",),
        extra="up",
    ),
    _fidelity(
        "hyperband", "ASHA with brackets that begin to stop at different rungs", "HyperbandSearch"
    ),
    _pb2("pb2"),
    _pb2("ray.PB2"),
    _pbt("pbt"),
    _pbt("ray.PopulationBasedTraining"),
    Entry(
        "grid_search",
        "Every combination once, in an order that covers the space early",
        "algorithms.own.grid:GridSearch",
        (
            Setting(
                "points",
                "integer",
                10,
                minimum=1,
                summary="the number of values of each continuous hyperparameter",
            ),
        ),
        constraints=True,
        warm_start=False,
        light=True,
    ),
    Entry(
        "random_search",
        "Independent draws from the prior, never the same twice",
        "algorithms.own.random:RandomSearch",
        constraints=True,
        warm_start=False,
        light=True,
    ),
)
