"""Hyperopt's `hp.*` expressions: graphs of pyll nodes, read by their names and arguments.

Every distribution has an equal form. A function that is applied to a hyperparameter, as in
`1 + hp.lognormal(…)`, is not part of the space: `assemble` calls it. But `scope.int` around a
hyperparameter with whole values, as in `hp.uniformint`, makes its values integers.
"""

import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tunelet.interop.labels import labels
from tunelet.interop.plain import number
from tunelet.interop.refusal import refusal
from tunelet.interop.tree import Applied, Choice, Constant, Leaf, Node, Recorded, Row

Form = dict[str, Any]

_LARGEST_LOG = 690.0
"""exp of this is just below 1e300."""

_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "uniform": ("low", "high"),
    "quniform": ("low", "high", "q"),
    "loguniform": ("low", "high"),
    "qloguniform": ("low", "high", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
    "randint": ("low", "high"),
    "categorical": ("p",),
}


def has(part: Any) -> bool:
    return type(part).__module__ == "hyperopt.pyll.base" and hasattr(part, "pos_args")


def parts(node: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the values inside a node at this place, each with its own place.

    The place of a choice's option begins with the choice's label, wherever the choice is.
    """
    match node.name:
        case "literal":
            yield place, node.obj
        case "pos_args":
            yield from (((*place, index), each) for index, each in enumerate(node.pos_args))
        case "dict" if node.named_args:
            yield from (((*place, key), each) for key, each in node.named_args)
        case "dict":
            yield from (((*place, key.obj), value) for key, value in _pairs(node))
        case "switch" if node.pos_args[0].name == "hyperopt_param":
            name = _label(node.pos_args[0])
            for index, each in enumerate(node.pos_args[1:]):
                yield (name, "choices", index), each
        case "hyperopt_param":
            return
        case _:
            arguments = [*node.pos_args, *(each for _, each in node.named_args)]
            yield from ((place, each) for each in arguments if each.name != "literal")


def _pairs(node: Any) -> list[Any]:
    """The pairs of a dict whose keys are not all text, which Hyperopt keeps as a list."""
    return [pair.pos_args for each in node.pos_args for pair in each.pos_args]


def read(node: Any, whole: bool = False) -> Node:
    """Return the tree of a node. `whole`: the value is converted to an integer.

    Raises `Reject` for a node that cannot be searched.
    """
    match node.name:
        case "literal":
            return Constant(node.obj)
        case "pos_args":
            # Only tuples have a fixed length.
            return Row(tuple(map(read, node.pos_args)), list if node.o_len is None else tuple)
        case "dict":
            return _record(node)
        case "switch":
            return _choice(node)
        case "hyperopt_param":
            return _hyperparameter(node, whole)
        case name if name in _ARGUMENTS:
            remedy = f"use hp.{name}, whose first argument is a label"
            raise refusal("", name, "draws without a label", remedy)
        case name:
            return _applied(node, whole or name == "int")


def _record(node: Any) -> Recorded:
    if node.named_args:
        return Recorded(tuple((key, read(each)) for key, each in node.named_args))
    return Recorded(tuple((key.obj, read(value)) for key, value in _pairs(node)))


def _applied(node: Any, whole: bool) -> Applied:
    """The function that the library would call; the library is loaded if such a node exists."""
    function: Callable[..., Any] = sys.modules[type(node).__module__].scope._impls[node.name]
    inside = whole and node.name in ("int", "float")
    arguments = tuple(read(each, inside) for each in node.pos_args)
    return Applied(function, arguments, tuple((name, read(one)) for name, one in node.named_args))


def _choice(node: Any) -> Choice:
    chosen, *rest = node.pos_args
    if chosen.name != "hyperopt_param":
        raise refusal("", chosen.name, "decides between options", "use hp.choice or hp.pchoice")
    name, distribution = _label(chosen), chosen.pos_args[1]
    options = tuple(map(read, rest))
    weights: tuple[float, ...] = ()
    if distribution.name == "categorical":
        weights = tuple(float(each) for each in _values(name, distribution.pos_args[0]))
    return Choice(name, options, labels(options), weights)


def _label(node: Any) -> str:
    return str(node.pos_args[0].obj)


def _hyperparameter(node: Any, whole: bool) -> Leaf:
    name, distribution = _label(node), node.pos_args[1]
    kind = distribution.name
    if kind not in _ARGUMENTS or kind == "categorical":
        raise refusal(name, kind, "is not a distribution that can be searched", "use one of hp.*")
    names = _ARGUMENTS[kind]
    given = dict(zip(names, distribution.pos_args, strict=False)) | dict(distribution.named_args)
    values = {key: _number(name, one) for key, one in given.items() if key in names}
    if kind == "randint":
        return Leaf(name, _integers(name, values))
    if kind.endswith("loguniform"):
        _refuse_large_logarithms(name, kind, values)
    return Leaf(name, _form(kind, values, whole))


def _refuse_large_logarithms(name: str, kind: str, values: dict[str, float]) -> None:
    """Refuse bounds of a loguniform that are too large to be logarithms of floats."""
    low, high = values["low"], values["high"]
    if max(abs(low), abs(high)) <= _LARGEST_LOG:
        return
    bounds = f"log({low:g}), log({high:g})" if 0 < low < high else "log(1e-05), log(0.1)"
    rest = f", {values['q']:g})" if "q" in values else ")"
    message = f"has the bounds e^{low:g} and e^{high:g}: Hyperopt takes the bounds' logarithms"
    raise refusal(name, None, message, f"write hp.{kind}('{name}', {bounds}{rest}")


def _integers(name: str, values: dict[str, float]) -> Form:
    """The form of `randint`, which has one argument, the end, or both."""
    for value in values.values():
        if not value.is_integer():
            raise refusal(name, value, "is not an integer", "use a whole number")
    low, end = (values["low"], values["high"]) if "high" in values else (0, values["low"])
    if int(end) - 1 == int(low):
        return {"type": "categorical", "choices": [int(low)]}
    return {"type": "int", "min": int(low), "max": int(end) - 1}


def _form(kind: str, values: dict[str, float], whole: bool) -> Form:
    plain, q = kind.removeprefix("q"), values.get("q")
    if plain in ("normal", "lognormal"):
        form: Form = {"type": plain, "mean": values["mu"], "std": values["sigma"]}
    else:
        bounds = [values["low"], values["high"]]
        if plain == "loguniform":
            bounds = [math.exp(bound) for bound in bounds]
        form = {"type": "float" if q is None else "quantized", "min": bounds[0], "max": bounds[1]}
        form |= {"scale": "log"} if plain == "loguniform" else {}
    form |= {} if q is None else {"step": q}
    return form | ({"integer": True} if whole and q is not None and q.is_integer() else {})


def _number(name: str, argument: Any) -> float:
    if argument.name != "literal":
        remedy = "use a number, and compute dependent values in the training code"
        raise refusal(name, argument.name, "depends on another hyperparameter", remedy)
    return number(name, argument.obj)


def _values(name: str, argument: Any) -> list[float]:
    """The numbers of a tuple or of an array."""
    if argument.name == "pos_args":
        return [_number(name, each) for each in argument.pos_args]
    return [number(name, each) for each in argument.obj]
