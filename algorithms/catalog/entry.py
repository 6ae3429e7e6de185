"""An entry of the catalog: an algorithm or a stopping rule, described without importing it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tunelet.core.problem import Demands
from tunelet.errors import FieldError

Check = Callable[[Mapping[str, Any], Demands], list[FieldError]]


def _no_faults(_settings: Mapping[str, Any], _demands: Demands) -> list[FieldError]:
    return []


class Setting(msgspec.Struct, frozen=True):
    """A keyword argument of an algorithm, as JSON."""

    name: str
    type: str
    """"boolean", "integer", "number", "string", "array", "object" or "any"."""
    default: Any
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    summary: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    """The only values of a string; empty: any."""


class Entry(msgspec.Struct, frozen=True):
    """One algorithm or rule. `target` is `module:factory`, which is called with the settings.

    An entry repeats the factory's signature (a test compares the two), so that a function can check
    a request without loading the library.
    """

    name: str
    summary: str
    target: str
    settings: tuple[Setting, ...] = ()
    libraries: tuple[str, ...] = ()
    """The modules that must be installed."""
    extra: str | None = None
    """The extra of tunelet that installs them."""
    conditions: bool = True
    """Whether hyperparameters may have a `when`."""
    branches: bool = True
    """False: it draws hyperparameters at random if not every trial has them."""
    choices: str = "yes"
    """How it models choices: "yes"; or it has them "drawn" at random, "kept" or "as numbers"."""
    integers: bool = True
    """False: its suggestions are rounded to integers and steps afterwards."""
    objectives: int | None = None
    """The most objectives that it supports; None: any number."""
    constraints: bool = False
    """Whether a request may have constraints: it uses them, or it learns from no values at all."""
    fidelity: bool = False
    """Whether it gives trials budgets, or stops them, to spend more on the better ones."""
    parallel: int | None = None
    """The most trials that may run at once; None: any number."""
    warm_start: bool = True
    """Whether it learns from trials of other experiments."""
    light: bool = False
    """It imports little and needs no values of earlier trials."""
    stops: bool = False
    """Whether the algorithm is a stopping rule as well."""
    check: Check = _no_faults
    """Finds faults of settings that are valid one by one. Names each field by its whole path."""
    bind: tuple[tuple[str, Any], ...] = ()
    """Arguments of the factory that the entry fixes; users cannot set them."""


def is_number(value: Any) -> bool:
    """Whether the value is a JSON number; a boolean is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
