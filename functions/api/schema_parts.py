"""What the schemas of the API are made of: values that occur in many, and how they combine."""

from typing import Any

from tunelet.core.experiment_state import ExperimentState
from tunelet.core.trial import TrialState
from tunelet.text.limits import METRIC_LENGTH, METRICS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
WHEN: Schema = {"type": "string", "format": "date-time"}
VALUE: Schema = {
    "oneOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
    "description": "A measured value.",
}
VALUES: Schema = {"type": "object", "additionalProperties": VALUE}
SENT_VALUES: Schema = {
    **VALUES,
    "maxProperties": METRICS,
    "propertyNames": {
        "minLength": 1,
        "maxLength": METRIC_LENGTH,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
    },
}
EXPERIMENT_STATES = list(ExperimentState)
TRIAL_STATES = list(TrialState)
ASSIGNMENT: Schema = {
    "type": "object",
    "additionalProperties": {"type": ["boolean", "number", "string", "null"]},
    "description": "Hyperparameters by name; one that is not active is absent.",
}


def ref(name: str) -> Schema:
    """Return a reference to the schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def closed(**members: Schema) -> Schema:
    """Return the schema of an object with exactly these members."""
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def with_optional(schema: Schema, **members: Schema) -> Schema:
    """Return an object's schema with further members, which may be absent."""
    return {**schema, "properties": {**schema["properties"], **members}}


def or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


def listed(name: str) -> Schema:
    """Return the schema of a list of what has the schema of this name."""
    return {"type": "array", "items": ref(name)}


def many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def page(member: str, name: str) -> Schema:
    """Return the schema of a page: a list, and the link to the next page."""
    link = {**or_null(TEXT), "description": "The next page; null if this is the last."}
    return closed(**{member: listed(name), "next": link})
