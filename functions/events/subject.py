"""The subject of an event: `{namespace}/{experiment}`, optionally `/{number}` and `/{attempt}`."""

import re
from typing import Any, NamedTuple

from adapters.events.cloudevents import Event
from tunelet.errors import FieldError, Reject

NAME = r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?"
"""The name of an experiment or a namespace: a DNS label of at most 40 characters."""

LABELS = ("namespace", "experiment", "trial")
"""The labels, below `tunelet.dev/`, of a run's objects in a cluster."""

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
    """Parse the event's subject. Raises `Reject` if it has another form."""
    found = _SUBJECT.fullmatch(event.subject)
    if found is None:
        remedy = "send {namespace}/{experiment} or {namespace}/{experiment}/{number}/{attempt}"
        error = FieldError("subject", event.subject, "names no experiment", remedy)
        raise Reject("the event is about no experiment", [error])
    namespace, experiment = found["namespace"], found["experiment"]
    return Subject(namespace, experiment, _number(found["number"]), _number(found["attempt"]))


def labelled(resource: Any) -> Subject | None:
    """Return the subject in the labels of a Kubernetes object; None if it is not Tunelet's."""
    metadata = resource.get("metadata") if isinstance(resource, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    if not isinstance(labels, dict):
        return None
    parts = [str(labels.get(f"tunelet.dev/{part}", "")) for part in LABELS]
    found = _SUBJECT.fullmatch("/".join(parts))
    if found is None:
        return None
    return Subject(found["namespace"], found["experiment"], _number(found["number"]))


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)
