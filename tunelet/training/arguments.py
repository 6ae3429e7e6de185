"""Hyperparameters as the training gets them: values and command line arguments. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from tunelet.core.trial import Assignment, Scalar

Forms = Mapping[str, Mapping[str, Any]]
"""The `hyperparameters` of a spec."""

_LARGEST = 2**53
"""From here on a float cannot represent every integer."""


def given(forms: Forms, hyperparameters: Assignment) -> Assignment:
    """Return the values, as integers if all values of the hyperparameter are whole.

    `int("18.0")` fails in most languages, but every parser of floats accepts `18`.
    """
    return {
        name: _integer(value) if _is_whole(forms.get(name, {})) else value
        for name, value in hyperparameters.items()
    }


def appended(forms: Forms, hyperparameters: Assignment) -> list[str]:
    """Return the arguments: `--name=value` for each; for a flag `--name`, or nothing."""
    found = []
    for name, value in hyperparameters.items():
        if not forms.get(name, {}).get("flag") or not (value is None or isinstance(value, bool)):
            found.append(f"--{name}={text(value)}")
        elif value:
            found.append(f"--{name}")
    return found


def words(forms: Forms, hyperparameters: Assignment) -> dict[str, str | None]:
    """Return the arguments by name that differ from the text of the value; None: left out.

    Left out are inactive hyperparameters, flags that are false or null, and an empty choice beside
    options such as "--amp". Any other empty text is an argument; it may be an option's value.
    """
    found: dict[str, str | None] = {}
    for name, form in forms.items():
        value = hyperparameters.get(name)
        if name not in hyperparameters:
            found[name] = None
        elif form.get("flag") and (value is None or isinstance(value, bool)):
            found[name] = f"--{name}" if value else None
        elif value == "" and _has_options_only(form):
            found[name] = None
    return found


def text(value: Scalar) -> str:
    """Return the value as text in an argument: true, false, null, 0.001, or the string."""
    return value if isinstance(value, str) else json.dumps(value)


def _has_options_only(form: Mapping[str, Any]) -> bool:
    """Whether all choices except the empty one are command line options."""
    choices = [one["value"] if isinstance(one, dict) else one for one in form.get("choices", ())]
    others = [one for one in choices if one != ""]
    return bool(others) and all(isinstance(one, str) and one.startswith("-") for one in others)


def _is_whole(form: Mapping[str, Any]) -> bool:
    """Whether all values are multiples of a whole step."""
    step = form.get("step")
    if step is None or not float(step).is_integer():
        return False
    return form["type"] != "float" or float(form["min"]).is_integer()


def _integer(value: Scalar) -> Scalar:
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        return int(value)
    return value
