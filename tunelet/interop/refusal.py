"""What cannot be had of a space, told as the service tells what is wrong with a request."""

from tunelet.errors import FieldError, Reject
from tunelet.text.messages import path, shown


def refusal(name: str, value: object, message: str, remedy: str) -> Reject:
    """`name` is the hyperparameter's; empty: the whole space's."""
    field = path(["hyperparameters", *([name] if name else [])])
    return Reject(f"{field}: {message}", [FieldError(field, shown(value), message, remedy)])
