"""Hyperparameters as Hyperopt's expressions, one node each.

A node that depends on a choice is inside the options for which it is active, as Hyperopt's users
write it: annealing takes the hyperparameters of a suggestion from as few trials as it can, and
hyperparameters of other branches would mislead it. Any other conditional node (which depends on a
number, or on several parents) is beside its parents, and its value is dropped if it is not active;
Hyperopt models it by the trials in which it has a value.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from hyperopt import hp

from tunelet.core.trial import Scalar
from tunelet.space import Categorical, Float, Int, LogNormal, Normal, Parameter, Quantized, Space

_Home = tuple[str | None, int]
_OUTSIDE: _Home = (None, 0)


class Node(NamedTuple):
    """A hyperparameter in Hyperopt's terms, and the conversions of its values to them and back."""

    expression: Any
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Scalar]


def nested(space: Space, bounded: bool) -> tuple[dict[str, Node], dict[str, Any]]:
    """Return the node of each hyperparameter by name, and the expression that contains them all."""
    nodes: dict[str, Node] = {}
    homes = {one.name: _homes(space, one, bounded) for one in space}

    def inside(parent: str | None, place: int) -> dict[str, Any]:
        home = parent, place
        return {one.name: nodes[one.name].expression for one in space if home in homes[one.name]}

    for one in reversed(list(space)):  # children first
        special = bounded and _is_special(one)
        nodes[one.name] = quantile(one) if special else node(one, partial(inside, one.name))
    return nodes, inside(*_OUTSIDE)


def _homes(space: Space, one: Parameter, bounded: bool) -> list[_Home]:
    """The options that contain it: each is a choice's name and the option's place."""
    if len(one.when) != 1:
        return [_OUTSIDE]
    ((name, condition),) = one.when.items()
    parent = space[name]
    if not isinstance(parent, Categorical) or (bounded and _is_special(parent)):
        return [_OUTSIDE]
    return [(name, place) for place, each in enumerate(parent.choices) if condition.holds(each)]


def node(parameter: Parameter, below: Callable[[int], dict[str, Any]] = lambda _: {}) -> Node:
    """Return Hyperopt's own distribution if it has one, else the quantile on [0, 1].

    `below` returns the expressions inside an option of a choice, by the option's place.
    """
    name = parameter.name
    match parameter:
        case Categorical(count=count, weights=weights):
            options = [_option(place, below(place)) for place in range(count)]
            return Node(
                _choice(name, options, weights),
                parameter.place,
                lambda place: parameter.at(int(place)),
            )
        case Int(scale="log", min=low, max=high):
            expression = hp.qloguniform(name, math.log(low - 0.5), math.log(high + 0.5), 1)
            return Node(expression, int, lambda value: min(max(int(value), low), high))
        case Int(count=int(count)) | Float(scale="linear", step=float(), count=int(count)):
            values: dict[Any, int] = {parameter.at(place): place for place in range(count)}
            return Node(
                hp.quniform(name, -0.5, count - 0.5, 1),
                lambda value: float(values[parameter.canonical(value)]),
                lambda place: parameter.at(min(max(int(place), 0), count - 1)),
            )
        case Float(scale="linear" | "log" as scale, min=low, max=high, step=None):
            expression = (
                hp.uniform(name, low, high)
                if scale == "linear"
                else hp.loguniform(name, math.log(low), math.log(high))
            )
            return Node(expression, float, lambda value: min(max(float(value), low), high))
        case Quantized(min=low, max=high, step=step, scale=scale):
            expression = (
                hp.quniform(name, low, high, step)
                if scale == "linear"
                else hp.qloguniform(name, math.log(low), math.log(high), step)
            )
            return Node(expression, float, parameter.canonical)
        case LogNormal() if not parameter.integer and parameter.step is None:
            return Node(hp.lognormal(name, parameter.mean, parameter.std), float, float)
        case Normal() if type(parameter) is Normal:
            return _normal(parameter)
        case _:
            return quantile(parameter)


def _is_special(parameter: Parameter) -> bool:
    """Without bounds, or with weights."""
    return isinstance(parameter, Normal) or (
        isinstance(parameter, Categorical) and bool(parameter.weights)
    )


def quantile(parameter: Parameter) -> Node:
    """Return a node for the hyperparameter's quantile, which is uniform on [0, 1]."""
    return Node(hp.uniform(parameter.name, 0.0, 1.0), parameter.to_unit, parameter.from_unit)


def _normal(parameter: Normal) -> Node:
    name, mean, std = parameter.name, parameter.mean, parameter.std
    if parameter.step is None and not parameter.integer:
        return Node(hp.normal(name, mean, std), float, float)
    step = parameter.step or 1.0
    whole = int if parameter.integer else float
    return Node(hp.qnormal(name, mean, std, step), float, lambda value: whole(round(value, 12)))


def _choice(name: str, options: Sequence[Any], weights: Sequence[float]) -> Any:
    if not weights:
        return hp.choice(name, options)
    shares = [weight / sum(weights) for weight in weights]
    return hp.pchoice(name, list(zip(shares, options, strict=True)))


def _option(place: int, below: dict[str, Any]) -> Any:
    return {"": place, **below} if below else place
