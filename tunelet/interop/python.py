"""Reads structures of dicts, lists and tuples that contain objects of libraries.

The member "width" of the member "model" has the name "model.width": the separator is a full stop,
where Ray has a slash. Hyperopt's labels are names as they are.

In a dict without objects of Hyperopt, a constant is a hyperparameter with one choice, so that the
training code gets it, as with Ray. A list of constants is one constant. Hyperopt's constants have
no label, and only `assemble` knows them.
"""

from collections.abc import Iterator
from typing import Any

from tunelet.interop import hyperopt_space, optuna_space, ray_space, unsupported
from tunelet.interop.labels import labels
from tunelet.interop.refusal import refusal
from tunelet.interop.tree import Choice, Constant, Leaf, Node, Recorded, Row

KINDS = frozenset({"categorical", "float", "int", "lognormal", "normal", "quantized"})
"""The types of Tunelet's own forms."""
_FIELDS = frozenset({"choices", "max", "mean", "min"})
"""Each form has one of these, so that a form with a misspelt type is not taken for a constant."""


def is_json(space: Any) -> bool:
    """Whether the space contains no object of a library."""
    return not any(_is_foreign(part) for part in _parts(space))


def read(space: Any) -> Node:
    """Return the tree of a space. Raises `Reject` for an object that cannot be read."""
    named = not any(hyperopt_space.has(part) for part in _parts(space))
    if not isinstance(space, dict):
        return _read(space, (), named)
    return Recorded(
        tuple(
            (key, Leaf(str(key), each) if _is_form(each) else _read(each, (key,), named))
            for key, each in space.items()
        )
    )


def _read(part: Any, path: tuple[Any, ...], named: bool) -> Node:
    """`named`: constants are hyperparameters, too, with names from their paths."""
    name = ".".join(map(str, path))
    if _is_foreign(part):
        return _read_foreign(part, path)
    if isinstance(part, dict) and part:
        members = ((key, _read(each, (*path, key), named)) for key, each in part.items())
        return Recorded(tuple(members))
    if isinstance(part, list | tuple) and not is_json(part):
        items = (_read(each, (*path, place), named) for place, each in enumerate(part))
        return Row(tuple(items), tuple if isinstance(part, tuple) else list)
    constant = Constant(part)
    if not named or part == {}:
        return constant
    return Choice(name, (constant,), labels([constant]))


def _read_foreign(part: Any, path: tuple[Any, ...]) -> Node:
    """The tree of a library's object, which may be of a version with other attributes."""
    name = ".".join(map(str, path))
    try:
        if hyperopt_space.has(part):
            return hyperopt_space.read(part)
        if optuna_space.has(part):
            return optuna_space.read(part, name)
        return ray_space.read(part, name, lambda option: _read(option, path, named=False))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as fault:
        message = f"cannot be read, {unsupported.named(part)}: {type(fault).__name__}"
        remedy = 'write Tunelet\'s own form of it, such as {"type": "float", "min": 0, "max": 1}'
        raise refusal(name, None, message, remedy) from fault


def _is_form(part: Any) -> bool:
    """Whether the part is one of Tunelet's own forms."""
    if not isinstance(part, dict) or not is_json(part) or not isinstance(part.get("type"), str):
        return False
    return part["type"] in KINDS or bool(_FIELDS & part.keys())


def _is_foreign(part: Any) -> bool:
    return hyperopt_space.has(part) or optuna_space.has(part) or ray_space.has(part)


def _parts(space: Any) -> Iterator[Any]:
    """The space, and all parts of it."""
    yield space
    inside: Any = ()
    if isinstance(space, dict):
        # The parents in a form's conditions may have any name, also one of Ray's.
        inside = (each for key, each in space.items() if key != "when")
    elif isinstance(space, list | tuple):
        inside = space
    for each in inside:
        yield from _parts(each)
