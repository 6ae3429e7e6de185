"""Errors, named by what the caller does next.

Tunelet raises only these on purpose, so that a handler needs one `except` for each thing
it can do: send the same request again (`Retry`), change the request (`Reject`), look at
the state first (`Conflict`), or give up on the name (`NotFound`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple


class FieldError(NamedTuple):
    """One fault of one field of a request, and its remedy."""

    field: str
    value: Any
    message: str
    remedy: str


NO_EXPERIMENT = "there is no such experiment"
"""The text of a `NotFound` for an experiment, also of one that the caller may not see."""

EXTEND_FIRST = "extend it first"
"""The end of a `Conflict` of an ended experiment that takes trials once it has a larger budget."""


class TuneletError(Exception):
    """The base class of all errors raised on purpose. Its text is safe to show to a caller."""


class Retry(TuneletError):
    """A transient fault: sending the same request again is safe and may succeed.

    `after` is the number of seconds that the other side asked to wait; None if it did not.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Unavailable(Retry):
    """Nothing was written, and nothing can be written for now.

    The store is unreachable, read-only or full. Sending the same again at once does not help.
    """


class Postponed(Retry):
    """Nothing was started, for a reason that users should see and that may last. Retry later."""


class Throttled(Retry):
    """The other side works but is overloaded or has no room: send less, and later."""


class TooFast(Retry):
    """The caller's namespace sends more than its share. Send the same again, `after` seconds later.

    `errors` names the quota.
    """

    def __init__(self, message: str, after: float, errors: Sequence[FieldError]) -> None:
        super().__init__(message, after)
        self.errors = tuple(errors)


class CommitUnknown(Retry):
    """The deadline passed before it was known whether a write succeeded.

    Repeating the command is safe, because commands have natural keys.
    """


class Reject(TuneletError):
    """The request can never succeed as it is; `errors` lists what to change."""

    def __init__(self, message: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class Forbidden(Reject):
    """The credential does not permit the request."""


class OverQuota(Forbidden):
    """The namespace has used up a quota. `errors` names the quota, its value and the remedy."""


class Unauthorized(Forbidden):
    """No credential was sent, or none that the service knows."""


class Conflict(TuneletError):
    """The request is valid, but the present state does not allow it."""


class NotFound(TuneletError):
    """The thing that the request names does not exist."""

    """What the request names does not exist."""


class SearchFailed(TuneletError):
    """The search of a call of `tune` has FAILED: none of its trials completed.

    The text has the reason, and says how to continue once the cause is corrected. `found` is what
    `tune` returns otherwise, with all trials. The traceback of the first failed trial is a note.
    """

    def __init__(self, message: str, found: Any = None) -> None:
        super().__init__(message)
        self.found = found


class TrialPruned(Exception):
    """Raised by an objective of `tune` that ends early because `should_prune` answered True."""
