"""Search spaces as the users of Hyperopt, Optuna and Ray Tune write them in Python.

    from tunelet.spaces import assemble, hyperparameters

    hyperparameters(space)         the `hyperparameters` of a request; `Client.submit` calls it
    assemble(space, assignment)    the space with a trial's values in it, as it was written

A space may be an `hp.*` expression of Hyperopt or any structure of them, a dict of Optuna's
distributions, a dict of Ray's `tune.*` domains as deep as one likes, and a dict that mixes
these with Tunelet's own JSON forms. No library is imported: whoever has such objects has it.
docs/algorithms.md says what becomes of each distribution.
"""

from collections.abc import Mapping
from typing import Any

from tunelet.spaces.conditions import forms
from tunelet.spaces.python import is_json, read
from tunelet.spaces.tree import assembled

__all__ = ["assemble", "hyperparameters"]


def hyperparameters(space: Any) -> dict[str, Any]:
    """The space in Tunelet's JSON forms, which are returned as they are if it is in them.

    Raises `Reject` with the hyperparameter, the value and the remedy where it has none.
    """
    return space if is_json(space) else forms(read(space))


def assemble(space: Any, assignment: Mapping[str, Any]) -> Any:
    """What the space is for this assignment: what Hyperopt's `space_eval` is for, with labels.

    Choices become the chosen option, nested hyperparameters their values, and functions that
    are applied to them are called. Of Tunelet's own forms those that are not active are left out.
    Raises `Reject` if the assignment lacks a value or has one that is no option.
    """
    return dict(assignment) if is_json(space) else assembled(read(space), assignment)
