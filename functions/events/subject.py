"""The subject of an event: `{namespace}/{experiment}`, optionally `/{number}` and `/{attempt}`."""

import re
from typing import Any, NamedTuple

from adapters.events.cloudevents import Event
from adapters.launchers.kubernetes.labels import label
from tunelet.errors import FieldError, Reject
from tunelet.text.lazy_pattern import lazy_pattern
from tunelet.text.limits import NAME

LABELS = ("namespace", "experiment", "trial")
"""The labels, below `tunelet.dev/`, of a run's objects in a cluster."""

_SUBJECT = lazy_pattern(
    rf"(?P<namespace>{NAME})/(?P<experiment>{NAME})(/(?P<number>\d{{1,15}})(/(?P<attempt>\d{{1,15}}))?)?",
    re.ASCII,
)


class Subject(NamedTuple):
    namespace: str
    experiment: str
    number: int | None = None
    attempt: int | None = None


def subject(event: Event) -> Subject:
    """Parse the event's subject. Raises `Reject` if it has another form."""
    found = parsed(event.subject)
    if found is None:
        remedy = "send {namespace}/{experiment} or {namespace}/{experiment}/{number}/{attempt}"
        error = FieldError("subject", event.subject, "names no experiment", remedy)
        raise Reject("the event is about no experiment", [error])
    return found


def parsed(text: str) -> Subject | None:
    """Parse a subject; None if it has another form."""
    found = _SUBJECT.fullmatch(text)
    if found is None:
        return None
    namespace, experiment = found["namespace"], found["experiment"]
    return Subject(namespace, experiment, _number(found["number"]), _number(found["attempt"]))


def labelled(resource: Any) -> Subject | None:
    """Return the subject in the labels of a Kubernetes object; None if it is not Tunelet's."""
    found = _SUBJECT.fullmatch("/".join(label(resource, name) for name in LABELS))
    if found is None:
        return None
    return Subject(found["namespace"], found["experiment"], _number(found["number"]))


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)
