"""Reads Knative's Trigger and Broker manifests: which function gets which event, and how often."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_PREFIX = "tunelet-"
_SECONDS = re.compile(r"PT([0-9]+(?:\.[0-9]+)?)S")


class Trigger(NamedTuple):
    """Sends events with all of these `attributes` to `subscriber`."""

    attributes: dict[str, str]
    subscriber: str
    """The function's name: the service's name without `tunelet-`."""

    def wants(self, attributes: dict[str, str]) -> bool:
        return all(attributes.get(name) == value for name, value in self.attributes.items())


class Delivery(NamedTuple):
    """How often a broker tries to deliver, and which function gets undelivered events."""

    attempts: int
    backoff: float
    """Seconds before the second attempt; doubled before each further one."""
    sink: str | None
    """A function's name."""


def load_triggers(folder: Path) -> list[Trigger]:
    """Return the Triggers in the folder's YAML files.

    Raises `ValueError` for a Trigger that filters by anything but attributes.
    """
    return [_trigger(document) for document in _documents(folder, "Trigger")]


def load_delivery(folder: Path) -> Delivery:
    """Return the delivery of the one Broker. Raises `ValueError` if it has another form."""
    [broker] = _documents(folder, "Broker")
    match broker["spec"]:
        case {
            "delivery": {
                "retry": int(retry),
                "backoffPolicy": "exponential",
                "backoffDelay": str(delay),
                "deadLetterSink": {"ref": {"name": str(name)}},
            }
        } if seconds := _SECONDS.fullmatch(delay):
            return Delivery(retry + 1, float(seconds[1]), name.removeprefix(_PREFIX))
    raise ValueError(f"Broker {broker['metadata'].get('name')!r} is not of a known form")


def _documents(folder: Path, kind: str) -> Iterator[dict[str, dict[str, Any]]]:
    for path in sorted(folder.glob("*.yaml")):
        for each in yaml.safe_load_all(path.read_text()):
            match each:
                case {"apiVersion": "eventing.knative.dev/v1", "kind": str(found)} if found == kind:
                    yield each


def _trigger(document: dict[str, dict[str, Any]]) -> Trigger:
    spec = document["spec"]
    match spec:
        case {
            "filter": {"attributes": dict(attributes)},
            "subscriber": {"ref": {"name": str(name)}},
        }:
            return Trigger(dict(attributes), name.removeprefix(_PREFIX))
    raise ValueError(f"Trigger {document['metadata'].get('name')!r} is not of a known form")
