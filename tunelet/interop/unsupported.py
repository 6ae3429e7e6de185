"""Names an object that JSON cannot hold, and says what to write instead.

Only types are examined. No method of an object is called, because it may fail or return anything.
The same is true of `isinstance`, which reads the object's `__class__`.
"""

import types
from collections.abc import Mapping
from typing import Any

_CHOICES = 'write {"type": "categorical", "choices": [1, 2]} with its values'
_TEXT = "write it as text"
_ELSE = "write text, a number, true, false or null, and make the object in the training code"
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_REMEDIES: Mapping[str, str] = {
    "builtins.set": _CHOICES,
    "builtins.frozenset": _CHOICES,
    "builtins.generator": _CHOICES,
    "builtins.range": 'write {"type": "int", "min": 0, "max": 9}',
    "builtins.bytes": f"{_TEXT}: decode() makes that",
    "builtins.complex": "write two hyperparameters, for the real and the imaginary part",
    "builtins.module": "write its name as text, and import it in the training code",
    "decimal.Decimal": "write a number: float() makes that",
    "fractions.Fraction": "write a number: float() makes that",
    "datetime.date": f"{_TEXT}: isoformat() makes that",
    "datetime.time": f"{_TEXT}: isoformat() makes that",
    "datetime.timedelta": "write a number: total_seconds() makes that",
    "pathlib.PurePath": f"{_TEXT}: str() makes that",
    "numpy.generic": f"{_TEXT}: str() makes that",
    "enum.Enum": "write its value, or its name as text",
}
"""Remedies by the full name of a type or of one of its bases."""
_BY_ATTRIBUTE: Mapping[str, str] = {
    "rvs": 'write {"type": "float", "min": 0, "max": 1}, or use hp.*, tune.* or Optuna\'s',
    "sample": 'write {"type": "float", "min": 0, "max": 1}, or use hp.*, tune.* or Optuna\'s',
    "tolist": f"{_CHOICES}: tolist() makes plain numbers",
    "__dataclass_fields__": "write a dict: dataclasses.asdict() makes that",
    "keys": "write a dict: dict() makes that",
}


def named(value: Any) -> str:
    """Return a phrase: a function, the class SVC, an object of the type numpy.ndarray."""
    if issubclass(type(value), type):
        return f"the class {_name(value)}"
    if type(value) in _FUNCTIONS:
        return "a function"
    if type(value) is types.ModuleType:
        return "a module"
    return f"an object of the type {type_name(type(value))}"


def remedy(value: Any) -> str:
    """Return what to write instead of the object."""
    if issubclass(type(value), type):
        return f'write its name as text, "{_name(value)}", and look it up in the training code'
    if type(value) in _FUNCTIONS:
        return "write a range or choices, and call the function in the training code"
    bases = _bases(type(value))
    for base in bases:
        if found := _REMEDIES.get(type_name(base)):
            return found
    for attribute, found in _BY_ATTRIBUTE.items():
        if any(attribute in vars(base) for base in bases):
            return found
    return _ELSE


def type_name(kind: type) -> str:
    """Return the type's module and name, even if its metaclass redefines them."""
    module = vars(type)["__module__"].__get__(kind)
    return f"{module}.{_name(kind)}" if isinstance(module, str) else _name(kind)


def _name(kind: type) -> str:
    return str(vars(type)["__name__"].__get__(kind))


def _bases(kind: type) -> tuple[type, ...]:
    found: tuple[type, ...] = vars(type)["__mro__"].__get__(kind)
    return found
