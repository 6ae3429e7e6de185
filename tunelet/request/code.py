"""What is wrong with a request's `model_training_code`, beyond its shape.

An image may not set what Tunelet sets itself, a manifest must be one, and the placeholders of both
must have a value in every trial.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tunelet.core.run import COMMAND
from tunelet.errors import FieldError
from tunelet.request import manifest_shapes, manifests, placeholders, pod
from tunelet.request.shapes import Image, Workers, Wrapped, is_manifest, plain
from tunelet.text.messages import path, shown


def problems(code: Image | Wrapped | Workers, written: Mapping[Any, Any]) -> list[FieldError]:
    """What is wrong with the training code; `written` is the request as the user sent it."""
    if isinstance(code, Workers):
        return []
    found: list[FieldError] = []
    if isinstance(code, Image):
        found += _reserved(code.env)
        found += _reserved(code.secrets, "secrets")
        found += pod.problems(code, code.env)
        found += _command_problems(code)
    else:
        found += _manifest_problems(code.manifest)
    forms = written.get("hyperparameters")
    if isinstance(forms, dict):
        certain = _certain(forms)
        found += placeholders.problems(plain(code), _names(forms), certain, _flags(forms))
        if not isinstance(code, Image) and not found:
            found += manifest_shapes.problems(code.manifest)
            found += manifests.problems(plain(code), certain)
    if is_manifest(written["model_training_code"]):
        inner = "model_training_code.manifest"
        found = [
            error._replace(field="model_training_code" + error.field.removeprefix(inner))
            for error in found
        ]
    return found


def _command_problems(code: Image) -> Iterable[FieldError]:
    if code.image == COMMAND and not code.command:
        remedy = 'name an image, or a command such as ["python", "train.py"]'
        yield FieldError("model_training_code.image", None, "is missing", remedy)
    if code.workdir is None:
        return
    field = "model_training_code.workdir"
    if code.image != COMMAND:
        remedy = "leave it out, or leave the image out"
        yield FieldError(field, shown(code.workdir), "is for commands without an image", remedy)
    elif not code.workdir.startswith("/"):
        remedy = "write the whole path, from / on"
        yield FieldError(field, shown(code.workdir), "is not an absolute path", remedy)


def _names(forms: Mapping[Any, Any]) -> list[str]:
    return [name for name in forms if isinstance(name, str)]


def _certain(forms: Mapping[Any, Any]) -> list[str]:
    """The hyperparameters that every trial has."""
    return [name for name in _names(forms) if not _has(forms[name], "when")]


def _flags(forms: Mapping[Any, Any]) -> list[str]:
    return [name for name in _names(forms) if _has(forms[name], "flag")]


def _has(form: object, field: str) -> bool:
    return isinstance(form, dict) and bool(form.get(field))


def _reserved(names: Collection[str], where: str = "env") -> Iterable[FieldError]:
    for name in names:
        if name.startswith("TUNELET_"):
            field = path(["model_training_code", where, name])
            message = "is set by Tunelet itself: all of TUNELET_… is"
            yield FieldError(field, None, message, "use another name")


def _manifest_problems(manifest: Mapping[str, Any]) -> Iterable[FieldError]:
    kinds: dict[str, tuple[type, str]] = {
        "apiVersion": (str, 'text, such as "batch/v1"'),
        "kind": (str, 'text, such as "Job"'),
        "metadata": (dict, "an object"),
        "spec": (dict, "an object"),
    }
    for name, (kind, words) in kinds.items():
        field = path(["model_training_code", "manifest", name])
        if name not in manifest:
            if name != "metadata":
                yield FieldError(field, None, "is missing", f"add it: {words}")
        elif not isinstance(manifest[name], kind) or (kind is str and not manifest[name]):
            yield FieldError(field, None, f"must be {words}", "see the manifest's documentation")
