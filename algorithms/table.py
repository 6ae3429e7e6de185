"""The built-in algorithms: what a user may ask of them, known without importing them.

A row repeats the signature of the class that it names (a test holds the two together), so a
request can be checked by a function that never loads the algorithm's library.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunelet.errors import FieldError
from tunelet.trial import Scalar


@dataclass(frozen=True)
class Setting:
    """A keyword argument of an algorithm, as JSON."""

    name: str
    type: str
    """"boolean", "integer", "number", "string" or "any"."""
    default: Scalar
    nullable: bool = False
    minimum: float | None = None
    summary: str = ""


@dataclass(frozen=True)
class Row:
    """One algorithm. `target` is `module:class`; its constructor takes the settings."""

    name: str
    summary: str
    target: str
    settings: tuple[Setting, ...] = ()
    library: str | None = None
    """The module that must be installed."""
    extra: str | None = None
    """The extra of tunelet that installs it."""
    conditions: bool = True
    """Whether hyperparameters may have a `when`."""
    objectives: int | None = None
    """The most objectives that it handles; None: any number."""
    light: bool = False
    """Needs no import worth speaking of and no values of earlier trials."""


TABLE = {
    row.name: row
    for row in (
        Row(
            "grid_search",
            "Every combination once, spread over the space from the first trial on",
            "algorithms.grid:GridSearch",
            (
                Setting(
                    "points",
                    "integer",
                    10,
                    minimum=1,
                    summary="values tried of each hyperparameter that is continuous",
                ),
            ),
            light=True,
        ),
        Row(
            "random_search",
            "Independent draws from the prior, none of them twice",
            "algorithms.random:RandomSearch",
            light=True,
        ),
        Row(
            "tpe",
            "Tree-structured Parzen estimator (Optuna's TPESampler)",
            "algorithms.tpe:TreeParzen",
            (
                Setting(
                    "n_startup_trials",
                    "integer",
                    10,
                    minimum=0,
                    summary="trials that are drawn at random before the model is asked",
                ),
                Setting(
                    "n_ei_candidates",
                    "integer",
                    24,
                    minimum=1,
                    summary="candidates of which the most promising is suggested",
                ),
                Setting(
                    "multivariate",
                    "boolean",
                    None,
                    nullable=True,
                    summary="model hyperparameters jointly; null: if there is one objective",
                ),
                Setting(
                    "group",
                    "boolean",
                    None,
                    nullable=True,
                    summary="model each branch of a conditional space jointly; "
                    "null: if there are conditions, one objective and multivariate is not false",
                ),
                Setting(
                    "constant_liar",
                    "boolean",
                    True,
                    summary="keep away from trials that still run",
                ),
            ),
            library="optuna",
            extra="up",
        ),
    )
}


def contradictions(name: str, settings: Mapping[str, Any]) -> list[FieldError]:
    """Settings that are valid one by one but not together."""
    if name == "tpe" and settings.get("group") and settings.get("multivariate") is False:
        return [
            FieldError(
                "hpo_algorithm.settings.group",
                True,
                "needs multivariate",
                "leave multivariate out or set it to true",
            )
        ]
    return []
