"""Search spaces as users of Hyperopt, Optuna and Ray Tune write them in Python.

    from tunelet.interop import assemble, hyperparameters

    hyperparameters(space)         the `hyperparameters` of a request; `Client.submit` calls it
    assemble(space, assignment)    the space with a trial's values in it, as it was written

A space may be an `hp.*` expression of Hyperopt or any structure of them, a dict of Optuna's
distributions, a nested dict of Ray's `tune.*` domains, or a dict that mixes these with Tunelet's
own JSON forms. This package imports no library: a caller with such objects has imported it already.
docs/reference/algorithms.md has a table of the distributions and their forms.
"""

from collections.abc import Mapping
from typing import Any

from tunelet.errors import Reject
from tunelet.interop.conditions import forms
from tunelet.interop.labels import distinct
from tunelet.interop.normalized import normalized
from tunelet.interop.python import is_json, read
from tunelet.interop.tree import assembled
from tunelet.request.plain import unfit
from tunelet.text.messages import MOST

__all__ = ["assemble", "hyperparameters"]


def hyperparameters(space: Any) -> dict[str, Any]:
    """Return the space in Tunelet's JSON forms; a copy if it is in these forms already.

    Raises `Reject` with the hyperparameter, the fault and the remedy. It does not check the bounds
    against each other, because the service does.
    """
    copy = normalized(space)
    found = copy if is_json(copy) else forms(distinct(read(copy)))
    if errors := [error for _, error in unfit({"hyperparameters": found})]:
        raise Reject(f"{errors[0].field}: {errors[0].message}", errors[:MOST])
    return found


def assemble(space: Any, assignment: Mapping[str, Any]) -> Any:
    """Return the space with the values of an assignment, like Hyperopt's `space_eval`.

    A choice becomes its chosen option, a hyperparameter its value, and a function that is applied
    to them is called. Tunelet's own forms that are not active are left out. Raises `Reject` if the
    assignment lacks a value, or if a value is not one of the options.
    """
    return dict(assignment) if is_json(space) else assembled(read(space), assignment)
