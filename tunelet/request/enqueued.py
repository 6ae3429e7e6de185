"""Check trials that a person or a program proposes: their hyperparameters, and the note on them."""

from typing import cast

from tunelet.core.trial import Assignment
from tunelet.errors import FieldError, Reject
from tunelet.space import Space
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.limits import NOTE_LENGTH

PRINTABLE = lazy_pattern(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]*")


def checked(assignments: list[object], space: Space) -> tuple[Assignment, ...]:
    """Return the assignments in the space's own form. Raises `Reject` with every fault."""
    errors = [
        error
        for index, assignment in enumerate(assignments)
        for error in space.problems(assignment, f"trials[{index}]")
    ]
    if errors:
        raise Reject("the hyperparameters do not fit the search space", errors)
    return tuple(space.canonical(cast("Assignment", one)) for one in assignments)


def checked_note(given: object) -> str | None:
    """Return the note. Raises `Reject` if it is not a short text."""
    if given is None:
        return None
    if isinstance(given, str) and 0 < len(given) <= NOTE_LENGTH and PRINTABLE.fullmatch(given):
        return given
    message = f"is not a text of 1 to {NOTE_LENGTH} characters without control characters"
    error = FieldError("note", given, message, "shorten it, or leave it out")
    raise Reject(f"the note {message}", [error])
