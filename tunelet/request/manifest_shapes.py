"""The shapes of those members of a manifest that Tunelet itself reads or adds to. Pure.

Kubernetes checks a manifest only once it is complete. If one of these had another shape, Tunelet
could not complete it, and the user would never see why.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tunelet.errors import FieldError, Reject
from tunelet.request.manifests import containers
from tunelet.text.messages import path

_WORDS: dict[type, str] = {dict: "an object", list: "a list"}
_CONTAINER = {"env": list, "args": list, "volumeMounts": list}
_POD = {"initContainers": list, "volumes": list}
_METADATA = {"labels": dict, "annotations": dict}

Fault = tuple[str, str]
"""A member and the shape that it is to have."""


def check(manifest: Mapping[str, Any]) -> None:
    """Raise `Reject` if a member has another shape, as in a log older than this check."""
    for member, words in faults(manifest):
        raise Reject(f"the manifest cannot be completed: {member} must be {words}")


def problems(manifest: Mapping[str, Any]) -> Iterator[FieldError]:
    field = path(("model_training_code", "manifest"))
    for member, words in faults(manifest):
        message = f"has a member {member} that is not {words}"
        yield FieldError(field, None, message, "see the manifest's documentation")


def faults(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _metadata("metadata", manifest.get("metadata"))
    yield from _of_kind(manifest["spec"])
    for found in containers(manifest):
        if found.template is not None:
            yield from _metadata("template.metadata", found.template.get("metadata"))
        yield from _shapes("containers", found.body, _CONTAINER)
        yield from _shapes("template.spec", found.spec or {}, _POD)
        env = found.body.get("env")
        if isinstance(env, list) and not all(map(_named, env)):
            yield "containers.env", "a list of objects with names"


def _named(variable: Any) -> bool:
    return isinstance(variable, Mapping) and isinstance(variable.get("name"), str)


def _of_kind(spec: Mapping[str, Any]) -> Iterator[Fault]:
    """A Job's pod, and the metadata of a Workflow's pods."""
    template = spec.get("template", {})
    if not isinstance(template, Mapping):
        yield "spec.template", _WORDS[dict]
    elif not isinstance(template.get("spec", {}), Mapping):
        yield "spec.template.spec", _WORDS[dict]
    yield from _metadata("spec.podMetadata", spec.get("podMetadata"))


def _metadata(where: str, metadata: Any) -> Iterator[Fault]:
    if metadata is None:
        return
    if isinstance(metadata, Mapping):
        yield from _shapes(where, metadata, _METADATA)
    else:
        yield where, _WORDS[dict]


def _shapes(where: str, members: Mapping[str, Any], shapes: Mapping[str, type]) -> Iterator[Fault]:
    for name, shape in shapes.items():
        if members.get(name) is not None and not isinstance(members[name], shape):
            yield f"{where}.{name}", _WORDS[shape]
