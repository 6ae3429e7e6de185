"""Problem JSON (RFC 9457) as the errors that it was made of on the other side."""

import json
from collections.abc import Mapping
from typing import Any

from tunelet.errors import (
    Conflict,
    FieldError,
    Forbidden,
    NotFound,
    OverQuota,
    Reject,
    TuneletError,
    Unauthorized,
)


def failure(url: str, status: int, data: bytes) -> TuneletError:
    """The error that an answer with this status and body stands for."""
    found = problem(data)
    if not found:
        return stranger(url, status)
    message = found.get("detail") or found.get("title") or f"the service answers {status}"
    errors = [_field(error) for error in found.get("errors", ())]
    if status == 403 and any(error.field.startswith("quota.") for error in errors):
        return noted(OverQuota(message, errors))
    if status in (401, 403):
        kind = Unauthorized if status == 401 else Forbidden
        return noted(kind(message, errors))
    if status == 404:
        return NotFound(message)
    if status == 409:
        return Conflict(message)
    if status < 500:
        return noted(Reject(message, errors))
    return TuneletError(message)


def noted(fault: Reject) -> Reject:
    """Add a note for each field, because a traceback in a notebook shows no `errors`."""
    for error in fault.errors:
        remedy = error.remedy and f"; {error.remedy}"
        value = "" if error.value is None else f" = {error.value!r}"
        fault.add_note(f"{error.field}{value}: {error.message}{remedy}")
    return fault


def problem(data: bytes) -> dict[str, Any]:
    """The RFC 9457 object of an answer; empty if the answer is not one."""
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "status" in found else {}


def _field(error: Mapping[str, Any]) -> FieldError:
    return FieldError(error["field"], error.get("value"), error["message"], error.get("remedy", ""))


def stranger(url: str, status: int) -> TuneletError:
    """What answered is not the service: another program, or a page of a proxy."""
    return TuneletError(f"{url} answers {status}, but not as a Tunelet service does")
