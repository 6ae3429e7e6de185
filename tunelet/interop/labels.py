"""What options of a choice are called in a request, which knows JSON scalars only.

- A text, a finite number, true, false and null are what they are.
- Options with hyperparameters of their own, and their neighbours, are called by the text (else
  the number) that tells them apart: {"type": "svm", …} and {"type": "forest", …} by "svm" and
  "forest". A hyperparameter as an option is called by its name.
- Other lists and dicts are their JSON, as text.
- Where that fails, or is the same twice, all options of the choice are numbered from 0.
"""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from tunelet.interop.plain import plain
from tunelet.interop.refusal import refusal
from tunelet.interop.tree import Applied, Choice, Constant, Leaf, Node, Recorded, Row, below
from tunelet.space.conditions import identity


def labels(options: Sequence[Node]) -> tuple[Any, ...]:
    """A JSON scalar for each option, all different."""
    told = _told_apart(options)
    found = [told.get(place, _label(option)) for place, option in enumerate(options)]
    if ... in found or len({identity(one) for one in found}) < len(found):
        return tuple(range(len(options)))
    return tuple(found)


def distinct(tree: Node) -> Node:
    """The tree itself; raises `Reject` if a choice has the same scalar twice.

    Numbers in their place would be values that the training code does not know.
    """
    if isinstance(tree, Choice):
        seen = set()
        for place, option in enumerate(tree.options):
            value = plain(option.value) if isinstance(option, Constant) else ...
            if value is not ... and identity(value) in seen:
                message, field = "is there twice", f"{tree.name}.choices[{place}]"
                raise refusal(field, value, message, "remove it, or use weights")
            seen.add(identity(value))
    for each in below(tree):
        distinct(each)
    return tree


def _label(option: Node) -> Any:
    """What it is called by itself; ... if there is no telling."""
    match option:
        case Constant():
            return _of_value(option.value)
        case Leaf() | Choice():
            return option.name
        case Applied():
            inside = (_label(each) for each in below(option) if _searches(each))
            return next(inside, ...)
        case _:
            return _text(option)


def _of_value(value: Any) -> Any:
    scalar = plain(value)
    if isinstance(scalar, float) and not math.isfinite(scalar):
        return str(scalar)
    if scalar is not ...:
        return scalar
    if isinstance(value, list | tuple | dict):
        return _json(value)
    # Spaces with classes and functions as options were taken once, and are still assembled.
    name = getattr(value, "__name__", ...)
    return ... if name == "<lambda>" else name


def _json(value: Any) -> Any:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        return ...


def _text(option: Node) -> Any:
    """The JSON of a structure of constants."""
    plain = _plain(option)
    return ... if plain is ... else _json(plain)


def _plain(option: Node) -> Any:
    match option:
        case Constant():
            return option.value
        case Recorded():
            members = {key: _plain(each) for key, each in option.members}
            return ... if ... in members.values() else members
        case Row():
            items = [_plain(each) for each in option.items]
            return ... if ... in items else items
        case _:
            return ...


def _told_apart(options: Sequence[Node]) -> dict[int, Any]:
    """By place, the constant that stands at the same place of each dict (or list)."""
    found: dict[int, Any] = {}
    for kind in (Recorded, Row):
        alike = {place: one for place, one in enumerate(options) if isinstance(one, kind)}
        if any(_searches(one) for one in alike.values()):
            constants = [dict(_constants(one)) for one in alike.values()]
            found |= dict(zip(alike, _telling(constants), strict=False))
    return found


def _telling(constants: Sequence[dict[Any, Any]]) -> Sequence[Any]:
    """The first column in which all have texts, else scalars, that differ."""
    for kinds in (str, str | int | float):
        for key in constants[0]:
            column = [each.get(key, ...) for each in constants]
            different = len({identity(one) for one in column}) == len(column)
            if different and all(isinstance(one, kinds) for one in column):
                return column
    return ()


def _constants(option: Node) -> Iterator[tuple[Any, Any]]:
    """The scalars of a dict or a list by their place."""
    match option:
        case Recorded():
            pairs: Sequence[tuple[Any, Node]] = option.members
        case Row():
            pairs = list(enumerate(option.items))
        case _:
            pairs = ()
    for key, each in pairs:
        if isinstance(each, Constant) and isinstance(each.value, str | int | float):
            yield key, each.value


def _searches(node: Node) -> bool:
    """Whether there are hyperparameters in it."""
    return isinstance(node, Leaf | Choice) or any(map(_searches, below(node)))
