"""Refuses a space with the same kind of error with which the service refuses a request."""

from tunelet.errors import FieldError, Reject
from tunelet.text.messages import path, shown


def refusal(name: str, value: object, message: str, remedy: str) -> Reject:
    """Return the error for the hyperparameter `name`; with an empty name, for the whole space."""
    field = path(["hyperparameters", *([name] if name else [])])
    return Reject(f"{field}: {message}", [FieldError(field, shown(value), message, remedy)])
