"""The schemas of what goes over HTTP (JSON Schema 2020-12), by the names in the route table.

The request's own is tunelet.request.models.request_schema(). Those of answers list every member as
required and allow no other, so that a test that holds answers to them sees any change.
"""

from typing import Any

from functions.api.studies import DIRECTIONS, NAME_LENGTH, OBJECTIVES
from functions.events.training import (
    EVENTS,
    LARGEST_EXIT_CODE,
    MAX_REASON,
    MAX_REPORTS,
    MAX_STEP,
    STATES,
)
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.lease import LONGEST, MOST, MOST_OUTPUT, SHORTEST, USUAL
from tunelet.core.trial import TrialState
from tunelet.request.study_commands import COMMANDS
from tunelet.text.limits import (
    CALLER,
    IMPORTED,
    LABELS,
    METRIC_LENGTH,
    METRICS,
    NAME,
    NOTE_BYTES,
    NOTE_LENGTH,
    REASON_LENGTH,
)

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_WHEN: Schema = {"type": "string", "format": "date-time"}
_VALUE: Schema = {
    "oneOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
    "description": "A measured value.",
}
_VALUES: Schema = {"type": "object", "additionalProperties": _VALUE}
_SENT_VALUES: Schema = {
    **_VALUES,
    "maxProperties": METRICS,
    "propertyNames": {
        "minLength": 1,
        "maxLength": METRIC_LENGTH,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
    },
}
_ASSIGNMENT: Schema = {
    "type": "object",
    "additionalProperties": {"type": ["boolean", "number", "string", "null"]},
    "description": "Hyperparameters by name; one that is not active is absent.",
}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _closed(**members: Schema) -> Schema:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def _with_optional(schema: Schema, **members: Schema) -> Schema:
    return {**schema, "properties": {**schema["properties"], **members}}


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


def _listed(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}


def _many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _page(member: str, name: str) -> Schema:
    link = {**_or_null(_TEXT), "description": "The next page; null if this is the last."}
    return _closed(**{member: _listed(name), "next": link})


_REPORT = _closed(step={**_COUNT, "maximum": MAX_STEP}, values={**_SENT_VALUES, "minProperties": 1})
_FINISHED = _with_optional(
    _closed(hyperparameters=_ASSIGNMENT),
    values=_SENT_VALUES,
    state={"enum": ["COMPLETE", "PRUNED", "FAIL"], "default": "COMPLETE"},
    reason={**_TEXT, "maxLength": REASON_LENGTH},
)
_LETTER: Schema = {
    "id": _TEXT,
    "at": _WHEN,
    "event": _closed(**{name: _or_null(_TEXT) for name in ("id", "source", "type", "subject")}),
    "destination": {**_or_null(_TEXT), "description": "Who did not take it."},
    "status": {"type": ["integer", "null"], "description": "The last answer's; null: none came."},
    "answer": {**_or_null(_TEXT), "description": "The beginning of the last answer."},
}
_STATES = list(ExperimentState)
_TRIAL_STATES = list(TrialState)

_EXPERIMENT: Schema = {
    "name": _TEXT,
    "namespace": _TEXT,
    "uid": _TEXT,
    "state": {"enum": _STATES},
    "reason": _or_null(_TEXT),
    "submitted_at": _WHEN,
    "ended_at": _or_null(_WHEN),
    "spec": {"type": "object", "description": "The request with all its defaults."},
    "counts": _ref("Counts"),
    "note": {**_or_null(_TEXT), "description": "Of a person or a program."},
    "links": _ref("Links"),
}

_TRIAL: Schema = {
    "number": _COUNT,
    "attempt": {"type": "integer", "minimum": 1},
    "state": {"enum": _TRIAL_STATES},
    "hyperparameters": _ASSIGNMENT,
    "attributes": {"type": "object", "description": "JSON that the training code attached."},
    "values": _VALUES,
    "reason": _or_null(_TEXT),
    "reports": _listed("Report"),
    "created_at": _WHEN,
    "started_at": _or_null(_WHEN),
    "finished_at": _or_null(_WHEN),
    "enqueued": {"type": "boolean"},
    "imported": {"type": "boolean", "description": "It was made elsewhere."},
    "note": {**_or_null(_TEXT), "description": "Of a person or a program: why they wanted it."},
    "retry_of": {**_or_null(_COUNT), "description": "The trial that it repeats."},
    "parent": _or_null(_COUNT),
    "exit_code": {"type": ["integer", "null"]},
    "log_tail": _or_null(_TEXT),
}

_OBJECTIVE = _closed(metric=_TEXT, direction={"enum": list(DIRECTIONS)})
_CALLER: Schema = {
    **_TEXT,
    "pattern": f"^{CALLER}$",
    "description": "The name of one call: the caller's name, a dash and a number.",
}
_ATTRIBUTES: Schema = {"type": "object", "description": "JSON of the caller's library."}
_STUDY_REPORT = _with_optional(
    _closed(step={"type": "integer"}, values=_VALUES), attempt={"type": "integer", "default": 1}
)
_CONTENTS: Schema = {
    "hyperparameters": _ASSIGNMENT,
    "space": {"type": "object", "additionalProperties": _ref("Form")},
    "attributes": _ATTRIBUTES,
    "system": _ATTRIBUTES,
    "reports": {"type": "array", "items": _STUDY_REPORT},
}
_CHANGED: Schema = {
    "type": "object",
    "properties": _CONTENTS,
    "additionalProperties": False,
    "description": "A name or step that the trial has already gets the new value.",
}
_SECONDS: Schema = {"type": ["number", "null"], "description": "Seconds since 1970, UTC."}


def _command(kind: str, required: dict[str, Schema], **others: Schema) -> Schema:
    return _with_optional(_closed(type={"const": kind}, **required), **others)


_BY: Schema = {"by": _CALLER}
_AT: Schema = {"number": _COUNT, **_BY}
_STUDY_COMMANDS: list[Schema] = [
    _command(
        "CreateTrial",
        {"key": _CALLER, **_BY},
        state={"enum": _TRIAL_STATES, "default": "RUNNING"},
        changes=_CHANGED,
        values=_VALUES,
        note={"description": "Of a waiting trial: when the library began it."},
        started_at=_SECONDS,
        finished_at=_SECONDS,
    ),
    _command("TakeTrial", _AT),
    _command(
        "ChangeTrial",
        {
            **_AT,
            "revision": {**_COUNT, "description": "Larger than that of earlier changes."},
            "changes": _CHANGED,
        },
    ),
    _command(
        "EndTrial", {**_AT, "state": {"enum": list(STATES)}}, changes=_CHANGED, values=_VALUES
    ),
    _command("SetAttributes", {}, attributes=_ATTRIBUTES, system=_ATTRIBUTES, key=_CALLER),
]
_POSITION: Schema = {
    **_COUNT,
    "description": "The entry of the study's log that the answer follows: the next `after`.",
}
_STUDY_CHANGES: Schema = {
    "study": _ref("Study"),
    "seq": _POSITION,
    "trials": _listed("StudyTrial"),
    "next": {**_or_null(_COUNT), "description": "The `lowest` of the next page; null: no more."},
}

SCHEMAS: dict[str, Schema] = {
    "Study": _closed(
        number={**_COUNT, "description": "Never used again, unlike the name."},
        name=_TEXT,
        experiment={**_TEXT, "description": "The name of its experiment."},
        objectives={"type": "array", "items": _OBJECTIVE},
        attributes=_ATTRIBUTES,
        system=_ATTRIBUTES,
    ),
    "StudyPage": _page("studies", "Study"),
    "NewStudy": _closed(
        name={**_TEXT, "maxLength": NAME_LENGTH},
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
                "items": _COUNT,
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
            "number": _COUNT,
            "created_at": {"type": "number"},
            "state": {"enum": _TRIAL_STATES, "default": "WAITING"},
            **_CONTENTS,
            "started_at": _SECONDS,
            "finished_at": _SECONDS,
            "values": _VALUES,
            "by": {**_TEXT, "description": "Which call took it, or ended it."},
            "note": {},
        },
        "required": ["number", "hyperparameters", "created_at"],
        "description": "A trial as the log has it: members with default values are omitted.",
    },
    "StudyChanges": _closed(**_STUDY_CHANGES),
    "StudyChanged": _closed(**_STUDY_CHANGES, named=_listed("StudyTrial")),
    "StudyCommands": _with_optional(
        _closed(
            commands={
                "type": "array",
                "items": {"oneOf": _STUDY_COMMANDS},
                "minItems": 1,
                "maxItems": COMMANDS,
            }
        ),
        after=_COUNT,
        lowest=_COUNT,
    ),
    "Heartbeats": {
        "type": "object",
        "properties": {
            "beats": {
                "type": ["object", "null"],
                "additionalProperties": _COUNT,
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
    "Submitted": _with_optional(
        _closed(name=_TEXT, namespace=_TEXT, state={"enum": _STATES}, links=_ref("Links")),
        warnings={
            "type": "array",
            "items": _TEXT,
            "description": "What keeps its trials from starting now, if anything is known to.",
        },
    ),
    "Links": _closed(self=_TEXT, trials=_TEXT, best=_TEXT),
    "Counts": _closed(
        waiting=_COUNT,
        running=_COUNT,
        complete=_COUNT,
        pruned=_COUNT,
        failed=_COUNT,
        stopped={
            **_COUNT,
            "description": "Stopped, or cut off by the end of the experiment: no failures.",
        },
    ),
    "Experiment": {
        "oneOf": [
            {"title": "of one objective", **_closed(**_EXPERIMENT, best=_or_null(_ref("Trial")))},
            {"title": "of several objectives", **_closed(**_EXPERIMENT, pareto=_listed("Trial"))},
        ]
    },
    "Overview": _closed(
        **{
            name: schema
            for name, schema in _EXPERIMENT.items()
            if name not in ("spec", "note", "links")
        },
        algorithm=_TEXT,
        objectives={
            "type": "array",
            "items": _closed(metric=_TEXT, direction={"enum": ["minimize", "maximize"]}),
        },
        max_trials=_COUNT,
        labels={"type": "object", "additionalProperties": _TEXT},
        best={
            **_or_null(_closed(number=_COUNT, values=_VALUES)),
            "description": "The best trial; null if there is none, or several are on the front.",
        },
        front={**_COUNT, "description": "The number of best trials: those on the Pareto front."},
    ),
    "OverviewPage": _page("experiments", "Overview"),
    "ExperimentPage": _page("experiments", "Experiment"),
    "Best": {"oneOf": [_closed(best=_or_null(_ref("Trial"))), _closed(pareto=_listed("Trial"))]},
    "Trial": _closed(**_TRIAL),
    "Handed": _closed(
        **_TRIAL,
        token={**_TEXT, "description": "The bearer token of this attempt's reports and outcome."},
        checkpoint_url={**_TEXT, "description": "Where it may save its progress."},
    ),
    "Ask": {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1, "maximum": MOST, "default": 1},
            "lease_seconds": {
                "type": "number",
                "minimum": SHORTEST,
                "maximum": LONGEST,
                "default": USUAL,
                "description": "After this time without a report the trial is given to another.",
            },
        },
        "additionalProperties": False,
    },
    "Asked": _closed(
        trials=_listed("Handed"),
        state={"enum": _STATES},
        reason=_or_null(_TEXT),
        ended={"type": "boolean", "description": "True: there will be no more trials."},
        uid={
            **_TEXT,
            "description": "The experiment's; a later one of the name has another.",
        },
    ),
    "Output": _closed(output={**_TEXT, "maxLength": MOST_OUTPUT}),
    "Release": {
        "type": "object",
        "properties": {
            "reason": {"type": ["string", "null"], "maxLength": MAX_REASON},
            "counted": {"type": "boolean", "default": False},
        },
        "additionalProperties": False,
    },
    "Change": _closed(
        seq={**_COUNT, "description": "The number of its entry in the log."},
        at=_or_null(_WHEN),
        actor={**_or_null(_TEXT), "description": "Null: not known, or its budget ended it."},
        action={
            "enum": [
                *("submit", "enqueue", "import", "take", "extend"),
                *("pause", "resume", "end", "delete", "create", "tell", "change", "set"),
                *("stop", "retry", "note", "label"),
            ]
        },
        detail=_TEXT,
    ),
    "ChangePage": _page("changes", "Change"),
    "TrialColumns": _closed(
        numbers=_many(_COUNT),
        state_names=_many(_TEXT),
        states=_many({**_COUNT, "description": "Its place in `state_names`."}),
        attempts=_many(_COUNT),
        created_at=_many({"type": "number", "description": "Seconds since 1970, in UTC."}),
        started_at=_many({"type": ["number", "null"]}),
        finished_at=_many({"type": ["number", "null"]}),
        hyperparameters={
            "type": "object",
            "additionalProperties": _many({"type": ["boolean", "number", "string", "null"]}),
            "description": "By name; null where it is not active.",
        },
        values={"type": "object", "additionalProperties": _many(_or_null(_VALUE))},
    ),
    "Columns": _closed(
        experiment=_ref("Overview"),
        trials=_ref("TrialColumns"),
        changed={**_ref("TrialColumns"), "description": "Those that `open` names."},
        last={"type": "integer", "description": "The number to send as `after` next."},
        more={"type": "boolean", "description": "Whether there are trials above `last`."},
    ),
    "Progress": _closed(
        improvements=_many(_closed(number=_COUNT, value=_VALUE)),
        trials={**_COUNT, "description": "How many there are."},
    ),
    "Curves": _closed(
        curves=_many(
            _closed(
                number=_COUNT,
                state={"enum": _TRIAL_STATES},
                attempts=_many(_COUNT),
                steps=_many(_COUNT),
                values={"type": "object", "additionalProperties": _many(_or_null(_VALUE))},
            )
        )
    ),
    "TrialPage": _page("trials", "Trial"),
    "Trials": _closed(trials=_listed("Trial")),
    "Artifacts": _closed(
        artifacts={"type": "array", "items": _TEXT, "description": "Names of files, sorted."},
        next={**_or_null(_TEXT), "description": "The next page; null if this is the last."},
    ),
    "Enqueue": _with_optional(
        _closed(trials={"type": "array", "items": _ASSIGNMENT}),
        note={**_TEXT, "minLength": 1, "maxLength": NOTE_LENGTH, "description": "Why."},
    ),
    "Note": _closed(
        note={
            **_TEXT,
            "maxLength": NOTE_BYTES,
            "description": f"At most {NOTE_BYTES} bytes. An empty text removes the note.",
        }
    ),
    "LabelChanges": {
        "type": "object",
        "additionalProperties": {"type": ["string", "null"], "maxLength": 200},
        "minProperties": 1,
        "maxProperties": LABELS,
        "description": "New values by name; null removes a label. Others stay.",
    },
    "Import": _with_optional(
        _closed(trials={"type": "array", "items": _FINISHED, "minItems": 1, "maxItems": IMPORTED}),
        count={"type": "boolean", "default": False},
    ),
    "Report": _REPORT,
    "Reports": {
        "oneOf": [
            _ref("Report"),
            _with_optional(
                _closed(reports={**_listed("Report"), "maxItems": MAX_REPORTS}),
                ending={
                    "type": "boolean",
                    "default": False,
                    "description": "True: the training has ended, and its run is about to.",
                },
            ),
        ]
    },
    "Stop": _closed(stop={"type": "boolean", "description": "True: please stop now."}),
    "Outcome": {
        "type": "object",
        "properties": {
            "state": {"enum": list(STATES)},
            "values": _SENT_VALUES,
            "reason": {"type": ["string", "null"], "maxLength": MAX_REASON},
            "exit_code": {
                "type": ["integer", "null"],
                "minimum": -LARGEST_EXIT_CODE,
                "maximum": LARGEST_EXIT_CODE,
            },
            "log_tail": {
                "type": ["string", "null"],
                "maxLength": MAX_REASON,
                "description": "The last lines of output.",
            },
        },
        "required": ["state"],
        "additionalProperties": False,
    },
    "Event": {
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {**_TEXT, "minLength": 1},
            "source": {**_TEXT, "minLength": 1},
            "type": {"enum": list(EVENTS)},
            "subject": {
                **_TEXT,
                "pattern": f"^{NAME}/{NAME}/[0-9]{{1,15}}/[0-9]{{1,15}}$",
                "description": "{namespace}/{experiment}/{number}/{attempt}",
            },
            "data": {
                "type": "object",
                "description": "A report or an outcome; `token` where no header carries it.",
            },
        },
        "required": ["specversion", "id", "source", "type", "subject"],
    },
    "EventResults": _closed(
        events={"type": "array", "items": _closed(id=_TEXT, stop={"type": "boolean"})}
    ),
    "Algorithms": _closed(
        algorithms={"type": "array", "items": {"type": "object"}},
        early_stopping={"type": "array", "items": {"type": "object"}},
    ),
    "DeadLetter": _closed(**_LETTER),
    "DeadLetterWithData": _closed(**_LETTER, data={"description": "JSON, or else text."}),
    "DeadLetterPage": _page("dead_letters", "DeadLetter"),
    "Actor": _closed(
        name=_or_null(_TEXT),
        groups={"type": "array", "items": _TEXT},
        how={"enum": ["token", "oidc", "kubernetes", "header", "none"]},
    ),
    "Login": _closed(
        issuer=_TEXT,
        client_id=_TEXT,
        scope=_TEXT,
        audience=_TEXT,
        token={"enum": ["access_token", "id_token"], "description": "Which one to send."},
        page_client_id={**_TEXT, "description": "Empty: the page uses client_id."},
    ),
    "PageLogin": _closed(
        authorization_endpoint=_TEXT, client_id=_TEXT, scope=_TEXT, audience=_TEXT
    ),
    "Exchange": {
        "type": "object",
        "description": "A code of the issuer, or a refresh token alone.",
        "properties": dict.fromkeys(
            ("code", "code_verifier", "redirect_uri", "refresh_token"), _TEXT
        ),
        "additionalProperties": False,
    },
    "Tokens": _closed(
        token={**_TEXT, "description": "The token to send to this service."},
        expires_in={**_COUNT, "description": "Seconds."},
        refresh_token=_or_null(_TEXT),
    ),
    "Rights": _closed(
        rights={
            "type": "object",
            "additionalProperties": {"type": "array", "items": _TEXT},
            "description": "The verbs, for each resource.",
        }
    ),
    "Status": _closed(status=_TEXT),
    "Problem": _closed(
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        instance=_TEXT,
        errors=_listed("FieldError"),
    ),
    "FieldError": _closed(field=_TEXT, value={}, message=_TEXT, remedy=_TEXT),
    "Any": {"type": "object"},
    "Text": _TEXT,
}
