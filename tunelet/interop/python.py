"""Structures of dicts, lists and tuples with the objects of libraries in them.

What stands in a dict under "model" and there under "width" is called "model.width": the
separator is a full stop, where Ray has a slash. Hyperopt's labels are names as they are.

In a dict that is not Hyperopt's, a constant is a hyperparameter with one choice, so that the
training code is told it as Ray tells its; a list of constants is one constant. Hyperopt's
constants have no label, and only `assemble` knows them.
"""

from collections.abc import Iterator
from typing import Any

from tunelet.interop import hyperopt_space, optuna_space, ray_space, unplain
from tunelet.interop.labels import labels
from tunelet.interop.refusal import refusal
from tunelet.interop.tree import Choice, Constant, Leaf, Node, Recorded, Row

KINDS = frozenset({"categorical", "float", "int", "lognormal", "normal", "quantized"})
"""Types of Tunelet's own forms."""
_FIELDS = frozenset({"choices", "max", "mean", "min"})
"""One of them is in each form: so a type that is misspelt is not taken for a constant."""


def is_json(space: Any) -> bool:
    """Whether no library has a part in it."""
    return not any(_is_foreign(part) for part in _parts(space))


def read(space: Any) -> Node:
    """The tree of a space."""
    told = not any(hyperopt_space.has(part) for part in _parts(space))
    if not isinstance(space, dict):
        return _read(space, (), told)
    return Recorded(
        tuple(
            (key, Leaf(str(key), each) if _is_form(each) else _read(each, (key,), told))
            for key, each in space.items()
        )
    )


def _read(part: Any, path: tuple[Any, ...], told: bool) -> Node:
    """`told`: constants are hyperparameters, too."""
    name = ".".join(map(str, path))
    if _is_foreign(part):
        return _read_foreign(part, path)
    if isinstance(part, dict) and part:
        members = ((key, _read(each, (*path, key), told)) for key, each in part.items())
        return Recorded(tuple(members))
    if isinstance(part, list | tuple) and not is_json(part):
        items = (_read(each, (*path, place), told) for place, each in enumerate(part))
        return Row(tuple(items), tuple if isinstance(part, tuple) else list)
    constant = Constant(part)
    if not told or part == {}:
        return constant
    return Choice(name, (constant,), labels([constant]))


def _read_foreign(part: Any, path: tuple[Any, ...]) -> Node:
    """What a library made; its attributes may differ from those of the versions that we know."""
    name = ".".join(map(str, path))
    try:
        if hyperopt_space.has(part):
            return hyperopt_space.read(part)
        if optuna_space.has(part):
            return optuna_space.read(part, name)
        return ray_space.read(part, name, lambda option: _read(option, path, told=False))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as fault:
        message = f"cannot be read, {unplain.named(part)}: {type(fault).__name__}"
        remedy = 'write Tunelet\'s own form of it, such as {"type": "float", "min": 0, "max": 1}'
        raise refusal(name, None, message, remedy) from fault


def _is_form(part: Any) -> bool:
    """Whether it is one of Tunelet's own."""
    if not isinstance(part, dict) or not is_json(part) or not isinstance(part.get("type"), str):
        return False
    return part["type"] in KINDS or bool(_FIELDS & part.keys())


def _is_foreign(part: Any) -> bool:
    return hyperopt_space.has(part) or optuna_space.has(part) or ray_space.has(part)


def _parts(space: Any) -> Iterator[Any]:
    """It and whatever stands in it."""
    yield space
    inside: Any = ()
    if isinstance(space, dict):
        # The parents in a form's conditions may have any name, also one of Ray's.
        inside = (each for key, each in space.items() if key != "when")
    elif isinstance(space, list | tuple):
        inside = space
    for each in inside:
        yield from _parts(each)
