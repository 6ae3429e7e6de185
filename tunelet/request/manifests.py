"""Manifests that users give: where their containers are, and what is wrong with them. Pure.

A container is looked for wherever a kind may have one: in the `containers` of any pod
template, in `container` and `script` of an Argo template, and in `trainer` of a TrainJob.
"""

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from tunelet.errors import FieldError, Reject
from tunelet.request.criteria import criterion
from tunelet.request.kinds import kind_of
from tunelet.text.messages import listed
from tunelet.training.placeholders import HYPERPARAMETERS, placeholder, placeholders

_ARGO, _TRAINER = "main", "node"


class Found(NamedTuple):
    """A container of a manifest. What is changed in `body` is changed in the manifest."""

    name: str
    body: dict[str, Any]
    """As in a pod: env, args, …"""
    template: dict[str, Any] | None
    """The pod template it stands in, with its metadata; None where there is none."""
    spec: dict[str, Any] | None = None
    """The pod's spec."""


def containers(node: Any) -> Iterator[Found]:
    """All containers of a manifest, in the order in which they are written."""
    if isinstance(node, list):
        for child in node:
            yield from containers(child)
    if not isinstance(node, dict):
        return
    spec = node.get("spec")
    inside = _listed(spec.get("containers")) if isinstance(spec, dict) else []
    for body in inside:
        yield Found(str(body.get("name", "")), body, node, spec)
    for key, child in node.items():
        if key in ("container", "script") and isinstance(child, dict) and "image" in child:
            yield Found(_ARGO, child, None)
        elif key == "trainer" and isinstance(child, dict):
            yield Found(_TRAINER, child, None)
        elif not (key == "spec" and inside):
            yield from containers(child)


def _listed(written: Any) -> list[dict[str, Any]]:
    return [each for each in written if isinstance(each, dict)] if isinstance(written, list) else []


def primary(code: Mapping[str, Any]) -> str | None:
    """The name of the container that trains; None if the manifest does not show which."""
    found = {each.name for each in containers(code["manifest"])}
    if named := code.get("primary_container"):
        return str(named)
    usual = kind_of(code["manifest"]).container
    if usual is not None and (usual in found or not found):
        return usual
    return found.pop() if len(found) == 1 else None


def conditions(code: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """When it has succeeded, and all that means that it has failed."""
    known = kind_of(code["manifest"])
    failure = code.get("failure_condition")
    success = code.get("success_condition") or known.success
    return success, (failure,) if failure else known.failures


def problems(code: Mapping[str, Any], certain: Collection[str]) -> Iterator[FieldError]:
    """What is wrong with a manifest and what is said of it.

    `certain` are the hyperparameters that every trial has.
    """
    yield from _container_problems(code)
    yield from _condition_problems(code)
    yield from _unused(code, certain)


def _container_problems(code: Mapping[str, Any]) -> Iterator[FieldError]:
    field = "model_training_code.primary_container"
    names = sorted({each.name for each in containers(code["manifest"])})
    named = code.get("primary_container")
    if named is not None and names and named not in names:
        message = "is not a container of the manifest"
        yield FieldError(field, named, message, f"use one of {listed(names)}")
    if primary(code) is None and names:
        message = f"is missing, and there are {len(names)} containers"
        remedy = 'write {"manifest": …, "primary_container": …} with one of ' + listed(names)
        yield FieldError(field, None, message, remedy)


def _condition_problems(code: Mapping[str, Any]) -> Iterator[FieldError]:
    success, failures = conditions(code)
    for name, found in (("success_condition", success), ("failure_condition", failures)):
        field = f"model_training_code.{name}"
        if not found:
            message = f"is missing, and the kind {code['manifest'].get('kind')} is not known"
            remedy = 'write {"manifest": …, "' + name + '": "status.phase==\\"Succeeded\\""}, say'
            yield FieldError(field, None, message, remedy)
        elif code.get(name):
            try:
                criterion(code[name], field)
            except Reject as refusal:
                yield from refusal.errors


def _unused(code: Mapping[str, Any], certain: Collection[str]) -> Iterator[FieldError]:
    """A manifest that names one hyperparameter gets no arguments, so it must name them all."""
    used = {name for _, name in placeholders(code["manifest"], "")}
    named = {name for name in used if name.startswith(HYPERPARAMETERS)}
    if not named and not any(containers(code["manifest"])):
        message = "has no container to pass the hyperparameters to"
        remedy = "write ${hyperparameters.NAME} where each is to go"
        yield FieldError("model_training_code.manifest", None, message, remedy)
    for name in certain:
        if named and HYPERPARAMETERS + name not in named:
            message = f"never uses the hyperparameter {name!r}, but uses others"
            remedy = f"write {placeholder(name)} where it is to go"
            yield FieldError("model_training_code.manifest", placeholder(name), message, remedy)


def copied(code: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest, to be changed."""
    return copy.deepcopy(dict(code["manifest"]))
