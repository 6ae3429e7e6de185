"""The labels of a choice's options in a request, which can hold only JSON scalars.

- Text, a finite number, true, false and null are their own labels.
- If options are dicts (or lists) and some contain hyperparameters, the label is the text (else the
  number) that distinguishes them: "svm" and "forest" for {"type": "svm", …} and {"type": "forest",
  …}. The label of a hyperparameter is its name.
- The label of any other list or dict is its JSON, as text.
- If that gives no label, or two equal ones, all options of the choice are numbered from 0.
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
    """Return a JSON scalar for each option, all different."""
    distinct = _distinguishing(options)
    found = [distinct.get(place, _label(option)) for place, option in enumerate(options)]
    if ... in found or len({identity(one) for one in found}) < len(found):
        return tuple(range(len(options)))
    return tuple(found)


def distinct(tree: Node) -> Node:
    """Return the tree itself. Raises `Reject` if a choice has the same scalar twice.

    Numbering such options would give the training code values that it does not know.
    """
    if isinstance(tree, Choice):
        seen = set()
        for place, option in enumerate(tree.options):
            value = plain(option.value) if isinstance(option, Constant) else ...
            if value is not ... and identity(value) in seen:
                message, field = "occurs twice", f"{tree.name}.choices[{place}]"
                raise refusal(field, value, message, "remove it, or use weights")
            seen.add(identity(value))
    for each in below(tree):
        distinct(each)
    return tree


def _label(option: Node) -> Any:
    """The label that the option has by itself; ... if it has none."""
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
    # Older versions accepted classes and functions as options, and `assemble` still does.
    name = getattr(value, "__name__", ...)
    return ... if name == "<lambda>" else name


def _json(value: Any) -> Any:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        return ...


def _text(option: Node) -> Any:
    """The JSON of a structure of constants; ... for any other structure."""
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


def _distinguishing(options: Sequence[Node]) -> dict[int, Any]:
    """The labels of dicts (or lists) with hyperparameters, by the place of the option.

    A label is the constant at the same key (or index) of each of them.
    """
    found: dict[int, Any] = {}
    for kind in (Recorded, Row):
        alike = {place: one for place, one in enumerate(options) if isinstance(one, kind)}
        if any(_searches(one) for one in alike.values()):
            constants = [dict(_constants(one)) for one in alike.values()]
            found |= dict(zip(alike, _distinct_column(constants), strict=False))
    return found


def _distinct_column(constants: Sequence[dict[Any, Any]]) -> Sequence[Any]:
    """The first column of different texts, else of different texts and numbers; empty if none."""
    for kinds in (str, str | int | float):
        for key in constants[0]:
            column = [each.get(key, ...) for each in constants]
            different = len({identity(one) for one in column}) == len(column)
            if different and all(isinstance(one, kinds) for one in column):
                return column
    return ()


def _constants(option: Node) -> Iterator[tuple[Any, Any]]:
    """The texts and numbers of a dict or a list by key or index."""
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
    """Whether the node contains hyperparameters."""
    return isinstance(node, Leaf | Choice) or any(map(_searches, below(node)))
