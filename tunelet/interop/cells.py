"""Values of tables as the hyperparameters and metrics of an experiment have them.

A cell may be text, an integer may have become 32.0, and numpy has scalars of its own. What cannot
be read is left as it is, because the service says what is wrong with it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tunelet.interop.plain import plain

Form = Mapping[str, Any]


def is_empty(cell: Any, form: Form | None = None) -> bool:
    """Whether the cell has no value. None is one if it is among the form's choices."""
    if cell is None:
        return form is None or form["type"] != "categorical" or None not in choices(form)
    return cell == "" or (isinstance(cell, float) and math.isnan(cell))


def fitting(form: Form | None, cell: Any) -> Any:
    """Return the value of a hyperparameter of this form."""
    value = plain(cell)
    if value is ... or form is None:
        return None if value is ... else value
    if form["type"] == "categorical":
        return _choice(choices(form), value)
    if isinstance(value, str):
        value = _parsed(value)
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if form["type"] == "int" and whole else value


def measured(cell: Any) -> Any:
    """Return the value of a metric: a number, or the text of one that is not finite."""
    value = plain(cell)
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, float) or math.isfinite(value):
        return None if value is ... else value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def choices(form: Form) -> list[Any]:
    """Return the choices of a categorical form without their weights."""
    return [each["value"] if isinstance(each, Mapping) else each for each in form["choices"]]


def _choice(known: Sequence[Any], value: Any) -> Any:
    """Return the choice that is the value, that equals it, or that is written so."""
    same = (each for each in known if type(each) is type(value) and each == value)
    equal = (each for each in known if each == value)
    written = (each for each in known if _text(each) == value)
    return next(same, next(equal, next(written, value)))


def _text(choice: Any) -> str:
    if choice is None:
        return "null"
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def _parsed(text: str) -> Any:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
