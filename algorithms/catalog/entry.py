"""What the catalog knows of one algorithm or stopping rule without importing it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tunelet.core.problem import Demands
from tunelet.errors import FieldError

Check = Callable[[Mapping[str, Any], Demands], list[FieldError]]


def _nothing_more(_settings: Mapping[str, Any], _demands: Demands) -> list[FieldError]:
    return []


@dataclass(frozen=True)
class Setting:
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


@dataclass(frozen=True)
class Entry:
    """One algorithm or rule. `target` is `module:factory`, which is called with the settings.

    A row repeats the factory's signature (a test holds the two together), so a request can
    be checked by a function that never loads the library.
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
    """False: those that not every trial has are drawn at random, whatever earlier trials found."""
    choices: str = "yes"
    """Whether it models choices: "yes"; or they are "drawn", "kept" or taken "as numbers"."""
    integers: bool = True
    """False: integers and steps are rounded, unknown to the algorithm."""
    objectives: int | None = None
    """The most objectives that it handles; None: any number."""
    constraints: bool = False
    """Whether it may be used with constraints: it heeds them, or learns from no values at all."""
    fidelity: bool = False
    """Whether it gives trials budgets, or stops them, to spend more on the better ones."""
    parallel: int | None = None
    """The most trials that may run at once; None: any number."""
    warm_start: bool = True
    """Whether trials of other experiments teach it anything."""
    light: bool = False
    """Needs no import worth speaking of and no values of earlier trials."""
    stops: bool = False
    """An algorithm that is a stopping rule as well."""
    check: Check = _nothing_more
    """What is wrong with settings that are valid one by one: the fields are whole paths."""
    bind: tuple[tuple[str, Any], ...] = ()
    """Arguments of the factory that are the row's, not the user's."""


def is_number(value: Any) -> bool:
    """Whether JSON calls it a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
