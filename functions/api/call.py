"""One call of the API: the checked request, and the means to answer it."""

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from functions.api.documents import base
from functions.api.streams import Streams
from functions.events.outbox import Outbox
from functions.identity.actor import ANYONE, Actor
from functions.identity.gate import UNGUARDED, Gate
from functions.identity.rights import Right
from tunelet.errors import FieldError
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.limits import CALLER, NAME

if TYPE_CHECKING:
    from tunelet.service import Service

_NUMBER = lazy_pattern(r"[0-9]{1,15}")
HIGHEST = 10**15 - 1
"""The highest number of a trial that a path may name."""


class Call(NamedTuple):
    """The argument of an endpoint."""

    service: "Service"
    request: Request
    path: dict[str, str]
    query: dict[str, Any]
    outbox: Outbox
    """Publishes to the broker."""
    streams: Streams
    """Limits how many outputs are read at a time."""
    body: Any = None
    raw: bytes = b""
    key: str | None = None
    """The Idempotency-Key."""
    bearer: str | None = None
    """The token of a trial, on the routes that take one."""
    actor: Actor = ANYONE
    gate: Gate = UNGUARDED
    given_namespace: str | None = None
    """The namespace that the path or the body names."""

    @property
    def namespace(self) -> str:
        return self.given_namespace or "default"

    def allows(self, right: Right, namespace: str) -> bool:
        """Whether the caller has the right in the namespace."""
        return self.gate.allows(self.actor, right, namespace)

    @property
    def name(self) -> str:
        return self.path["name"]

    @property
    def number(self) -> int:
        return int(self.path["number"])

    @property
    def study(self) -> int:
        return int(self.path["study"])

    @property
    def base(self) -> str:
        return base(self.path.get("namespace"))

    def next_link(self, path: str, after: str | int | None) -> str | None:
        """Return the link to the next page of `path`, if there is one."""
        if after is None:
            return None
        return f"{self.base}/{path}?{urlencode({**self.query, 'after': after})}"


def bad_path(path: dict[str, str]) -> list[FieldError]:
    """Return the faults of the names and numbers in a path."""
    remedy = "send at most 40 of a-z, 0-9 and inner dashes, and begin with a letter"
    errors = [
        FieldError(field, path[field], "is not a name", remedy)
        for field in ("namespace", "name")
        if field in path and not re.fullmatch(NAME, path[field], re.ASCII)
    ]
    if "caller" in path and not re.fullmatch(CALLER, path["caller"], re.ASCII):
        remedy = f"send what {CALLER} matches"
        errors.append(FieldError("caller", path["caller"], "is not the name of a caller", remedy))
    for number, what in (("number", "a trial"), ("study", "a study")):
        if number in path and not _NUMBER.fullmatch(path[number]):
            message, remedy = f"is not the number of {what}", "send an integer from 0"
            errors.append(FieldError(number, path[number], message, remedy))
    return errors
