"""The schemas of studies over HTTP, as Optuna's storage reads and writes them."""

from functions.api.schema_parts import (
    ASSIGNMENT,
    COUNT,
    TEXT,
    TRIAL_STATES,
    VALUES,
    Schema,
    closed,
    listed,
    or_null,
    page,
    ref,
    with_optional,
)
from functions.api.studies import DIRECTIONS, NAME_LENGTH, OBJECTIVES
from functions.events.training import STATES
from tunelet.request.study_commands import COMMANDS
from tunelet.text.limits import CALLER

_OBJECTIVE = closed(metric=TEXT, direction={"enum": list(DIRECTIONS)})
_CALLER: Schema = {
    **TEXT,
    "pattern": f"^{CALLER}$",
    "description": "The name of one call: the caller's name, a dash and a number.",
}
_ATTRIBUTES: Schema = {"type": "object", "description": "JSON of the caller's library."}
_REPORT = with_optional(
    closed(step={"type": "integer"}, values=VALUES), attempt={"type": "integer", "default": 1}
)
_CONTENTS: Schema = {
    "hyperparameters": ASSIGNMENT,
    "space": {"type": "object", "additionalProperties": ref("Form")},
    "attributes": _ATTRIBUTES,
    "system": _ATTRIBUTES,
    "reports": {"type": "array", "items": _REPORT},
}
_CHANGED: Schema = {
    "type": "object",
    "properties": _CONTENTS,
    "additionalProperties": False,
    "description": "A name or step that the trial has already gets the new value.",
}
_SECONDS: Schema = {"type": ["number", "null"], "description": "Seconds since 1970, UTC."}


def _command(kind: str, required: dict[str, Schema], **others: Schema) -> Schema:
    return with_optional(closed(type={"const": kind}, **required), **others)


_BY: Schema = {"by": _CALLER}
_AT: Schema = {"number": COUNT, **_BY}
_COMMANDS: list[Schema] = [
    _command(
        "CreateTrial",
        {"key": _CALLER, **_BY},
        state={"enum": TRIAL_STATES, "default": "RUNNING"},
        changes=_CHANGED,
        values=VALUES,
        note={"description": "Of a waiting trial: when the library began it."},
        started_at=_SECONDS,
        finished_at=_SECONDS,
    ),
    _command("TakeTrial", _AT),
    _command(
        "ChangeTrial",
        {
            **_AT,
            "revision": {**COUNT, "description": "Larger than that of earlier changes."},
            "changes": _CHANGED,
        },
    ),
    _command("EndTrial", {**_AT, "state": {"enum": list(STATES)}}, changes=_CHANGED, values=VALUES),
    _command("SetAttributes", {}, attributes=_ATTRIBUTES, system=_ATTRIBUTES, key=_CALLER),
]
_POSITION: Schema = {
    **COUNT,
    "description": "The entry of the study's log that the answer follows: the next `after`.",
}
_CHANGES: Schema = {
    "study": ref("Study"),
    "seq": _POSITION,
    "trials": listed("StudyTrial"),
    "next": {**or_null(COUNT), "description": "The `lowest` of the next page; null: no more."},
}

STUDY_SCHEMAS: dict[str, Schema] = {
    "Study": closed(
        number={**COUNT, "description": "Never used again, unlike the name."},
        name=TEXT,
        experiment={**TEXT, "description": "The name of its experiment."},
        objectives={"type": "array", "items": _OBJECTIVE},
        attributes=_ATTRIBUTES,
        system=_ATTRIBUTES,
    ),
    "StudyPage": page("studies", "Study"),
    "NewStudy": closed(
        name={**TEXT, "maxLength": NAME_LENGTH},
        directions={
            "type": "array",
            "items": {"enum": list(DIRECTIONS)},
            "minItems": 1,
            "maxItems": OBJECTIVES,
        },
    ),
    "Form": {
        "type": "object",
        "properties": {
            "type": {"enum": ["float", "int", "categorical"]},
            "min": {"type": "number"},
            "max": {"type": "number"},
            "step": {"type": "number"},
            "scale": {"const": "log"},
            "choices": {"type": "array", "minItems": 1},
            "json": {
                "type": "array",
                "items": COUNT,
                "description": "The positions of the choices that are the JSON text of a value.",
            },
        },
        "required": ["type"],
        "additionalProperties": False,
        "description": "The form of a hyperparameter of a study.",
    },
    "StudyTrial": {
        "type": "object",
        "properties": {
            "number": COUNT,
            "created_at": {"type": "number"},
            "state": {"enum": TRIAL_STATES, "default": "WAITING"},
            **_CONTENTS,
            "started_at": _SECONDS,
            "finished_at": _SECONDS,
            "values": VALUES,
            "by": {**TEXT, "description": "Which call took it, or ended it."},
            "note": {},
        },
        "required": ["number", "hyperparameters", "created_at"],
        "description": "A trial as the log has it: members with default values are omitted.",
    },
    "StudyChanges": closed(**_CHANGES),
    "StudyChanged": closed(**_CHANGES, named=listed("StudyTrial")),
    "StudyCommands": with_optional(
        closed(
            commands={
                "type": "array",
                "items": {"oneOf": _COMMANDS},
                "minItems": 1,
                "maxItems": COMMANDS,
            }
        ),
        after=COUNT,
        lowest=COUNT,
    ),
    "Heartbeats": {
        "type": "object",
        "properties": {
            "beats": {
                "type": ["object", "null"],
                "additionalProperties": COUNT,
                "description": "How many heartbeats each trial has sent, by its number.",
            },
            "at": {
                "type": ["object", "null"],
                "additionalProperties": {"type": "number"},
                "description": "The time of the last one, in seconds since 1970.",
            },
            "format": {"const": 1},
        },
    },
}
