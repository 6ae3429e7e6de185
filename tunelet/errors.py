"""Errors, named by what the caller does next.

Everything that Tunelet raises on purpose is one of these, so that a handler needs one
`except` for each thing it can do: send the same again (`Retry`), change the request
(`Reject`), look at the state first (`Conflict`), or give up on the name (`NotFound`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple


class FieldError(NamedTuple):
    """One thing wrong with one field of a request, and what to do about it."""

    field: str
    value: Any
    message: str
    remedy: str


class TuneletError(Exception):
    """The root of all errors raised on purpose; its text is safe to show to a caller."""


class Retry(TuneletError):
    """A passing fault: sending the same request again is safe and may succeed.

    `after` is the number of seconds that the other side asked to wait, if it did.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Unavailable(Retry):
    """Nothing was done, and nothing of the kind can be done for now.

    The store is away, read-only or full. To send the same again at once does not help.
    """


class Postponed(Retry):
    """Nothing was begun, for a reason that users are to see and that may last: try again later."""


class Throttled(Retry):
    """The other side is well but has too much to do, or no room: send less, and not soon."""


class CommitUnknown(Retry):
    """The deadline passed before it was known whether a write stands.

    It may stand. Repeating the command is safe, because commands have natural keys.
    """


class Reject(TuneletError):
    """The request can never succeed as it is; `errors` says what to change."""

    def __init__(self, message: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class Forbidden(Reject):
    """The credential does not allow this."""


class Conflict(TuneletError):
    """The request is well formed but the present state does not allow it."""


class NotFound(TuneletError):
    """What the request names does not exist."""
