"""Search spaces as the users of Hyperopt, Optuna and Ray Tune write them in Python.

    from tunelet.interop import assemble, hyperparameters

    hyperparameters(space)         the `hyperparameters` of a request; `Client.submit` calls it
    assemble(space, assignment)    the space with a trial's values in it, as it was written

A space may be an `hp.*` expression of Hyperopt or any structure of them, a dict of Optuna's
distributions, a dict of Ray's `tune.*` domains as deep as one likes, and a dict that mixes
these with Tunelet's own JSON forms. No library is imported: where such objects are, it is.
docs/algorithms.md says what becomes of each distribution.
"""

from collections.abc import Mapping
from typing import Any

from tunelet.errors import Reject
from tunelet.interop.conditions import forms
from tunelet.interop.copied import copied
from tunelet.interop.labels import distinct
from tunelet.interop.python import is_json, read
from tunelet.interop.tree import assembled
from tunelet.request.plain import unfit
from tunelet.text.messages import MOST

__all__ = ["assemble", "hyperparameters"]


def hyperparameters(space: Any) -> dict[str, Any]:
    """The space in Tunelet's JSON forms; if it is in them already, a copy of it.

    Raises `Reject` with the hyperparameter, what is wrong and the remedy. What it returns is JSON;
    whether all bounds make sense is for the service to say.
    """
    copy = copied(space)
    found = copy if is_json(copy) else forms(distinct(read(copy)))
    if errors := [error for _, error in unfit({"hyperparameters": found})]:
        raise Reject(f"{errors[0].field}: {errors[0].message}", errors[:MOST])
    return found


def assemble(space: Any, assignment: Mapping[str, Any]) -> Any:
    """What the space is for this assignment: what Hyperopt's `space_eval` is for, with labels.

    Choices become the chosen option, nested hyperparameters their values, and functions that
    are applied to them are called. Of Tunelet's own forms those that are not active are left out.
    Raises `Reject` if the assignment lacks a value or has one that is no option.
    """
    return dict(assignment) if is_json(space) else assembled(read(space), assignment)
