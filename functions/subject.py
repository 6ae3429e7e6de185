"""What an event is about: `{namespace}/{experiment}`, or also `/{number}` and `/{attempt}`."""

import re
from typing import NamedTuple

from adapters.cloudevents import Event
from tunelet.errors import FieldError, Reject

NAME = r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?"
"""The name of an experiment or a namespace: a DNS label of at most 40 characters."""

_SUBJECT = re.compile(
    rf"(?P<namespace>{NAME})/(?P<experiment>{NAME})(/(?P<number>\d{{1,15}})(/(?P<attempt>\d{{1,15}}))?)?",
    re.ASCII,
)


class Subject(NamedTuple):
    namespace: str
    experiment: str
    number: int | None = None
    attempt: int | None = None


def subject(event: Event) -> Subject:
    """Raises `Reject` if the event's subject is not of that form."""
    found = _SUBJECT.fullmatch(event.subject)
    if found is None:
        remedy = "send {namespace}/{experiment} or {namespace}/{experiment}/{number}/{attempt}"
        error = FieldError("subject", event.subject, "names no experiment", remedy)
        raise Reject("the event is about no experiment", [error])
    namespace, experiment = found["namespace"], found["experiment"]
    return Subject(namespace, experiment, _number(found["number"]), _number(found["attempt"]))


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)
