"""Tables of the fields of JSON Schemas."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from manual.reference.markdown import code, table

Link = Callable[[str], str]
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} members",
    "maxProperties": "at most {} members",
}
# A longer pattern excludes invisible characters; the schema has it. One with "](" reads as a link.
_SHOWN_PATTERN = 60
_HEAD = ("Field", "Type", "Default", "Limits", "Description")


def fields(schema: dict[str, Any], link: Link) -> str:
    """A table of an object's fields, the required ones first.

    `link` gives the Markdown for the name of a definition.
    """
    required = schema.get("required", [])
    ordered = sorted(schema.get("properties", {}).items(), key=lambda one: one[0] not in required)
    return table(
        _HEAD,
        [
            (
                code(name),
                type_of(field, link),
                "required" if name in required else _default(field),
                limits(field),
                _described(field),
            )
            for name, field in ordered
        ],
    )


def type_of(schema: dict[str, Any], link: Link) -> str:
    """The type of a value, in words."""
    if "$ref" in schema:
        return link(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        return " or ".join(code(json.dumps(each)) for each in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = [type_of(each, link) for each in schema[several]]
            return " or ".join(dict.fromkeys(kinds))
    kind = schema.get("type", "any value")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"array of {type_of(schema.get('items', {}), link)}"
    if kind == "object" and (values := _values(schema)):
        return f"object of {type_of(values, link)}"
    return str(kind)


def _values(schema: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of the values of an object that is a mapping."""
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and values:
        return values
    return next(iter(schema.get("patternProperties", {}).values()), None)


def _default(field: dict[str, Any]) -> str:
    return code(json.dumps(field["default"], ensure_ascii=False)) if "default" in field else ""


def limits(schema: dict[str, Any]) -> str:
    """The limits of a value, in words."""
    return "; ".join(dict.fromkeys(_limits(schema)))


def _limits(schema: dict[str, Any]) -> Iterator[str]:
    for name, text in _BOUNDS.items():
        if name in schema:
            yield text.format(schema[name])
    pattern = schema.get("pattern", "")
    if len(pattern) > _SHOWN_PATTERN or "](" in pattern:
        yield "a pattern of the schema"
    elif pattern:
        yield f"matches {code(pattern)}"
    for one in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        yield from _limits(one)


def _described(field: dict[str, Any]) -> str:
    examples = " or ".join(code(json.dumps(each)) for each in field.get("examples", []))
    return " ".join(
        each for each in (field.get("description", ""), examples and f"Example: {examples}") if each
    )
