"""Knative's Trigger manifests: which function gets which event."""

from pathlib import Path
from typing import NamedTuple

import yaml

_KIND = ("eventing.knative.dev/v1", "Trigger")
_PREFIX = "tunelet-"


class Trigger(NamedTuple):
    """Events whose attributes are all as in `attributes` go to `subscriber`."""

    attributes: dict[str, str]
    subscriber: str
    """The function's name: its service's without `tunelet-`."""

    def wants(self, attributes: dict[str, str]) -> bool:
        return all(attributes.get(name) == value for name, value in self.attributes.items())


def load_triggers(folder: Path) -> list[Trigger]:
    """The Triggers in the folder's YAML files.

    Raises `ValueError` for one that filters by more than attributes, as ours do not.
    """
    documents = [
        document
        for path in sorted(folder.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
        # A list is a patch.
        if isinstance(document, dict)
        and (document.get("apiVersion"), document.get("kind")) == _KIND
    ]
    return [_trigger(document) for document in documents]


def _trigger(document: dict[str, dict[str, object]]) -> Trigger:
    spec = document["spec"]
    match spec:
        case {
            "filter": {"attributes": dict(attributes)},
            "subscriber": {"ref": {"name": str(name)}},
        }:
            return Trigger(dict(attributes), name.removeprefix(_PREFIX))
    raise ValueError(f"Trigger {document['metadata'].get('name')!r} is not of a known form")
