"""Convert Optuna's distributions to the hyperparameters of a request, and back.

A choice that is not a JSON scalar, such as NaN or a list, is stored as JSON text. The form's
member `json` has the indices of these choices.
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tunelet.core.trial import Scalar
from tunelet.text.limits import LARGEST_INTEGER, SMALLEST_INTEGER

Form = dict[str, Any]

_KEPT = 4096


def form(distribution: BaseDistribution) -> Form:
    """Convert a distribution to its form.

    Raises `TypeError` for a choice that is not JSON serializable, `ValueError` for a bound that is
    not finite.
    """
    if isinstance(distribution, CategoricalDistribution):
        return _categorical(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high = distribution.low, distribution.high
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"the bounds of {distribution} are not finite; choose finite ones")
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    found = {"type": kind, "min": low, "max": high}
    if distribution.log:
        return {**found, "scale": "log"}
    return found if distribution.step is None else {**found, "step": distribution.step}


def _categorical(choices: Sequence[Any]) -> Form:
    texts = [place for place, choice in enumerate(choices) if not _is_scalar(choice)]
    found: Form = {"type": "categorical", "choices": [stored(choice) for choice in choices]}
    return {**found, "json": texts} if texts else found


def stored(value: Any) -> Scalar:
    """Convert a hyperparameter's value to its stored form."""
    if not _is_scalar(value):
        return json.dumps(value)
    # Subclasses, such as NumPy's float64, become Python's own types.
    return float(value) if isinstance(value, float) else value


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii() or value.encode(errors="replace").decode() == value
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return SMALLEST_INTEGER <= value <= LARGEST_INTEGER
    return isinstance(value, float) and math.isfinite(value)


def distribution(form: Mapping[str, Any]) -> BaseDistribution:
    """Convert what `form` returned back to the distribution."""
    return _distribution(msgspec.json.encode(form))


@lru_cache(_KEPT)
def _distribution(encoded: bytes) -> BaseDistribution:
    form = msgspec.json.decode(encoded)
    if form["type"] == "categorical":
        return CategoricalDistribution(_choices(form))
    made = IntDistribution if form["type"] == "int" else FloatDistribution
    more = {"step": form["step"]} if form.get("step") else {}
    return made(form["min"], form["max"], log=form.get("scale") == "log", **more)


def _choices(form: Mapping[str, Any]) -> list[Any]:
    texts = form.get("json", ())
    return [
        json.loads(choice) if place in texts else choice
        for place, choice in enumerate(form["choices"])
    ]


def value(stored: Scalar, form: Mapping[str, Any]) -> Any:
    """Convert a stored value back, according to the form of its hyperparameter."""
    if not form.get("json"):
        return stored
    place = form["choices"].index(stored)
    return json.loads(form["choices"][place]) if place in form["json"] else stored
