"""Optuna's distributions. Each has an equal form of Tunelet."""

from collections.abc import Iterator
from typing import Any

from tunelet.interop.labels import labels
from tunelet.interop.refusal import refusal
from tunelet.interop.tree import Choice, Constant, Leaf, Node


def has(part: Any) -> bool:
    return type(part).__module__ == "optuna.distributions"


def parts(distribution: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the choices with their places."""
    for index, each in enumerate(getattr(distribution, "choices", ())):
        yield (*place, "choices", index), each


def read(distribution: Any, name: str) -> Node:
    """Return the node of the distribution with the key `name`; a choice if it has a single value.

    Raises `Reject` for a distribution that cannot be searched.
    """
    kind = type(distribution).__name__
    if kind == "CategoricalDistribution":
        options = tuple(Constant(each) for each in distribution.choices)
        return Choice(name, options, labels(options))
    if kind not in ("FloatDistribution", "IntDistribution"):
        remedy = "use FloatDistribution, IntDistribution or CategoricalDistribution"
        raise refusal(name, kind, "is not a distribution that can be searched", remedy)
    low, high = distribution.low, distribution.high
    if low == high:
        return Choice(name, (Constant(low),), (low,))
    form = {"type": "int" if kind == "IntDistribution" else "float", "min": low, "max": high}
    if distribution.log:
        form["scale"] = "log"
    elif distribution.step is not None:
        form["step"] = distribution.step
    return Leaf(name, form)
