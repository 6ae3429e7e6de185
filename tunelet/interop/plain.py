"""Plain values: the scalars of JSON, and the objects of numpy and of subclasses that are such."""

import math
from typing import Any

from tunelet.interop import unsupported
from tunelet.interop.refusal import refusal


def plain(value: Any) -> Any:
    """Return the value as a JSON scalar, also if it is numpy's; ... if it is not a scalar.

    Calls no method of a subclass, which may do anything.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, int):
        return int.__int__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    if _is_numpys(value):
        item = value.item()
        return item if type(item) in (bool, int, float, str) else ...
    return ...


def _is_numpys(value: Any) -> bool:
    bases = vars(type)["__mro__"].__get__(type(value))
    return any(unsupported.type_name(base) == "numpy.generic" for base in bases)


def number(name: str, value: Any) -> float:
    """Return a bound of the hyperparameter `name` as a float. Raises `Reject` unless finite."""
    found = plain(value)
    if isinstance(found, bool) or not isinstance(found, int | float):
        shown = None if found is ... else found
        message = "has a bound that is not a number"
        raise refusal(name, shown, message, "write a number")
    try:
        as_float = float(found)
    except OverflowError:
        raise refusal(name, found, "has a bound that is too large", "use a smaller one") from None
    if not math.isfinite(as_float):
        raise refusal(name, found, "has a bound that is not a finite number", "use a finite one")
    return as_float
