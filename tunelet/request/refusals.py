"""From what is wrong with the shape of a request to errors that a user can act on.

`read` finds at once all that does not fit the models of `tunelet.request.models`, and continues
with the rest, so that one mistake does not hide the next.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tunelet.errors import FieldError
from tunelet.request import code_models, patterns, pod_models, shapes, space_models
from tunelet.request import models as request
from tunelet.request.plain import Location, part, refusal
from tunelet.text.limits import METRIC, METRIC_LENGTH
from tunelet.text.messages import MOST, listed, near_miss, one_of

Shape = TypeVar("Shape", shapes.Request, shapes.Terms)

_FILL_IN: dict[str, Any] = {
    "model_training_code": "unknown",
    "hyperparameters": {"unknown": {"type": "int", "min": 0, "max": 1}},
}
"""Stands in for a required field that is broken, so that the others can be read."""


def without(raw: Mapping[Any, Any], broken: Collection[Location]) -> dict[Any, Any]:
    """The request without its broken parts."""
    whole = {location[0] for location in broken if len(location) == 1}
    kept = {name: value for name, value in raw.items() if name not in whole}
    parts = {location[1] for location in broken if len(location) > 1}
    if parts and isinstance(kept.get("hyperparameters"), dict):
        kept["hyperparameters"] = {
            name: form for name, form in kept["hyperparameters"].items() if name not in parts
        }
    return kept


def read(
    shape: type[Shape], raw: Mapping[Any, Any], broken: set[Location]
) -> tuple[Shape, list[FieldError]]:
    """The request, and what is wrong with its shape.

    `broken` are parts to leave out; those that are found to be so are added.
    """
    model: type[BaseModel] = request.Request if shape is shapes.Request else request.Terms
    errors: list[FieldError] | None = None
    while True:
        kept = without(raw, broken)
        for name in model.model_fields.keys() & _FILL_IN.keys():
            if (name,) in broken:
                kept[name] = _FILL_IN[name]
        try:
            return _shaped(shape, model.model_validate(kept)), errors or []
        except ValidationError as error:
            details = error.errors(include_url=False)
        if errors is None:
            errors = [_explained(detail, kept, model) for detail in details[: MOST + 1]]
        broken.update(part(detail["loc"]) for detail in details)


def _shaped(shape: type[Shape], valid: BaseModel) -> Shape:
    """Return the valid request as a shape. In JSON, numbers and texts of any subclass are plain."""
    return shapes.converted(shape, json.loads(json.dumps(valid.model_dump())))


def _explained(detail: ErrorDetails, raw: Mapping[Any, Any], model: type[BaseModel]) -> FieldError:
    location = _written(detail["loc"], raw)
    kind, value = detail["type"], detail["input"]
    if kind in ("missing", "union_tag_not_found", "union_tag_invalid"):
        return _missing_or_unknown_kind(detail, location)
    if kind == "extra_forbidden":
        name = location[-1]
        if model is request.Terms and name in request.Request.model_fields:
            remedy = f"submit another experiment; {listed(sorted(model.model_fields))} can change"
            return refusal(location, None, "cannot be changed after the start", remedy)
        return refusal(
            location, None, "is not a field here", near_miss(name, _fields(detail["loc"], model))
        )
    if detail["loc"][-1] == "[key]" and "env" in location:
        location = location[:-1]  # What is no name may be a whole NAME=secret.
    message, remedy = _complaint(kind, detail.get("ctx", {}), value, detail["msg"])
    if kind == "scalar" and location[-2:-1] == ("choices",) and isinstance(value, dict):
        remedy += ', or {"value": …, "weight": …}'
    if message == _NO_OBJECT:
        remedy = _SHORTEST.get(location[0], remedy) if len(location) == 1 else remedy
        remedy = _RANGE if location[:1] == ("hyperparameters",) and len(location) == 2 else remedy
    return refusal(location, value, message, remedy)


def _missing_or_unknown_kind(detail: ErrorDetails, location: Location) -> FieldError:
    kind = detail["type"]
    if kind == "missing":
        return refusal(location, None, "is missing", f'add "{location[-1]}"')
    below = (*location, "type")
    if kind == "union_tag_not_found":
        return refusal(below, None, "is missing", f"use one of {listed(space_models.KINDS)}")
    tag = detail["input"]["type"]
    return refusal(below, tag, "is not a type of hyperparameter", one_of(tag, space_models.KINDS))


def _written(location: Location, raw: Any) -> Location:
    """The location as the user wrote it: without the names of union members and full forms."""
    if location[0] == "hyperparameters":
        location = location[:2] + location[3:]
    found: list[Any] = []
    for segment in location:
        if isinstance(raw, dict):
            if segment not in raw and segment in _FORMS:
                continue
            raw = raw.get(segment)
        elif isinstance(raw, list) and isinstance(segment, int):
            raw = raw[segment]
        else:
            break
        found.append(segment)
    if len(found) > 1 and found[-1] == "[key]":
        found.pop()
    return tuple(found)


def _fields(location: Location, model: type[BaseModel]) -> list[str]:
    """The fields that the object has to which an unknown one was added, the required ones first."""
    nested: dict[str, type[BaseModel]] = {
        "hpo_algorithm": request.Algorithm,
        "objective": request.Objective,
        "objectives": request.Objective,
        "metrics": request.Metrics,
        "model_training_code": code_models.Image,
    }
    owner = model
    if len(location) > 1:
        owner = nested.get(location[0], owner)
        if location[0] == "hyperparameters":
            owner = space_models.KINDS[location[2]]
    for segment, shape in (
        ("choices", space_models.Choice),
        ("<range>", space_models.Range),
        ("resources", code_models.Resources),
        ("<manifest>", code_models.Wrapped),
        ("<workers>", code_models.Workers),
        ("tolerations", pod_models.Toleration),
        ("volume_mounts", pod_models.VolumeMount),
        ("secrets", pod_models.SecretKey),
        ("env_from", pod_models.EnvFrom),
        ("secretRef", pod_models.Named),
        ("configMapRef", pod_models.Named),
    ):
        if segment in location[1:-1]:
            owner = shape
    known = owner.model_fields
    return sorted(known, key=lambda name: not known[name].is_required())


_FORMS = (
    *("<range>", "<values>", "<image>", "<manifest>", "<workers>"),
    *("<pattern>", "<list>", "<by metric>"),
)
_PATTERNS = {
    patterns.NAME: (
        "is not a DNS label of at most 40 characters",
        "use a-z, 0-9 and -, begin with a letter, end with a letter or digit",
    ),
    patterns.PARAMETER_NAME: (
        "is not a name for a hyperparameter",
        "use at most 63 of A-Z, a-z, 0-9, _, . and -, and begin with a letter or _",
    ),
    METRIC: (
        "is not a name for a metric",
        f"use 1 to {METRIC_LENGTH} characters without = and control characters, with no blanks but "
        "U+0020, and none before or after them",
    ),
    patterns.IMAGE: (
        "must not contain blanks, or begin with a dash",
        "write the image's name and nothing else; without an image, "
        '{"command": ["python", "train.py"]} runs a command on the machine of the service',
    ),
    patterns.VARIABLE: (
        "is not a valid name for an environment variable",
        "use A-Z, a-z, 0-9, _, . and -, and begin with a letter or _",
    ),
    patterns.OBJECT_NAME: (
        "is not the name of a Kubernetes object",
        "use a-z, 0-9, - and ., and begin and end with a letter or digit",
    ),
    patterns.OBJECT_LABEL: (
        "is not a DNS label",
        "use at most 63 of a-z, 0-9 and -, and begin and end with a letter or digit",
    ),
    patterns.ABSOLUTE: ("is not an absolute path", "begin with / and leave out :"),
    patterns.LABEL: (
        "is not a name for a label",
        "use at most 100 of A-Z, a-z, 0-9, _, ., / and -; begin and end with a letter or digit",
    ),
}

_LONGEST_TEXT = 200
"""Characters of a remedy that repeats what was written."""
_NO_OBJECT = "must be an object"
_RANGE = 'write {"type": "float", "min": 0, "max": 1}, say'
_SHORTEST = {
    "model_training_code": "write the image's name, an object with it, a Kubernetes manifest, "
    'or {"workers": true}',
    "hpo_algorithm": 'write the name of an algorithm, such as "tpe"',
    "objective": 'write {"metric": "accuracy", "direction": "maximize"}, say',
}

_TYPES = {
    "bool_type": ("must be true or false", "write true or false, without quotes"),
    "true": ("must be true", "write true, or leave workers out and name an image"),
    "string_type": ("must be text", "put it in quotes"),
    "list_type": ("must be a list", "put it in [ ]"),
    "quantity": ("must be a Kubernetes quantity", 'write a number or text such as "500m" or "4Gi"'),
}


def _complaint(
    kind: str, context: Mapping[str, Any], value: object, message: str
) -> tuple[str, str]:
    if kind in _TYPES:
        return _TYPES[kind]
    match kind:
        case "scalar":
            return message, _as_text(value)
        case "float_type" | "int_type":
            return _not_numeric("an integer" if kind == "int_type" else "a number", value)
        case "dict_type" | "model_type" | "model_attributes_type":
            return _NO_OBJECT, 'write {"field": value, …}'
        case "literal_error":
            allowed = re.findall(r"'([^']*)'", context["expected"])
            return f"must be {context['expected']}", one_of(value, allowed)
        case "string_pattern_mismatch":
            return _PATTERNS[context["pattern"]]
        case "string_too_long" | "too_long":
            most = context["max_length"]
            return f"is longer than {most}", f"use at most {most}"
        case "string_too_short" | "too_short":
            return "is empty", "give at least one"
    bounds = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    for bound, words in bounds.items():
        if bound in context:
            limit = f"{words} {context[bound]}".removesuffix(".0")
            return f"must be {limit}", f"use {limit}"
    return message, "see the schema of the request (tunelet schema)"


def _as_text(value: object) -> str:
    """The remedy for a list or an object where one plain value is wanted."""
    noun = "object" if isinstance(value, dict) else "list"
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > _LONGEST_TEXT:
        return f"write the {noun} as text, its JSON in quotes"
    return f"write the {noun} as text: {json.dumps(text, ensure_ascii=False)}"


def _not_numeric(wanted: str, value: object) -> tuple[str, str]:
    if isinstance(value, str) and _is_numeral(value):
        remedy = "write it without quotes (in YAML 1e-3 is text too: write 1.0e-3)"
    elif isinstance(value, float) and value.is_integer():
        remedy = f"write {value:.0f}"
    else:
        remedy = f"write {wanted}, such as {1 if wanted == 'an integer' else 0.1}"
    return f"must be {wanted}", remedy


def _is_numeral(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text[:100]))
