"""The schemas of what goes over HTTP (JSON Schema 2020-12), by the names in the route table.

The request's own is tunelet.request.models.request_schema(). Those of answers list every member as
required and allow no other, so that a test that holds answers to them sees any change.
"""

from functions.api.schema_parts import (
    ASSIGNMENT,
    COUNT,
    EXPERIMENT_STATES,
    SENT_VALUES,
    TEXT,
    TRIAL_STATES,
    VALUE,
    VALUES,
    WHEN,
    Schema,
    closed,
    listed,
    many,
    or_null,
    page,
    ref,
    with_optional,
)
from functions.api.study_schemas import STUDY_SCHEMAS
from functions.events.training import (
    EVENTS,
    LARGEST_EXIT_CODE,
    MAX_REASON,
    MAX_REPORTS,
    MAX_STEP,
    STATES,
)
from tunelet.core.lease import LONGEST, MOST, MOST_OUTPUT, SHORTEST, USUAL
from tunelet.text.limits import (
    IMPORTED,
    LABELS,
    NAME,
    NOTE_BYTES,
    NOTE_LENGTH,
    REASON_LENGTH,
)

_REPORT = closed(step={**COUNT, "maximum": MAX_STEP}, values={**SENT_VALUES, "minProperties": 1})
_FINISHED = with_optional(
    closed(hyperparameters=ASSIGNMENT),
    values=SENT_VALUES,
    state={"enum": ["COMPLETE", "PRUNED", "FAIL"], "default": "COMPLETE"},
    reason={**TEXT, "maxLength": REASON_LENGTH},
)
_LETTER: Schema = {
    "id": TEXT,
    "at": WHEN,
    "event": closed(**{name: or_null(TEXT) for name in ("id", "source", "type", "subject")}),
    "destination": {**or_null(TEXT), "description": "Who did not take it."},
    "status": {"type": ["integer", "null"], "description": "The last answer's; null: none came."},
    "answer": {**or_null(TEXT), "description": "The beginning of the last answer."},
}
_REVISION = {**COUNT, "description": "Another one if the spec or a note has been changed."}
_EXPERIMENT: Schema = {
    "name": TEXT,
    "namespace": TEXT,
    "uid": TEXT,
    "state": {"enum": EXPERIMENT_STATES},
    "reason": or_null(TEXT),
    "submitted_at": WHEN,
    "ended_at": or_null(WHEN),
    "spec": {"type": "object", "description": "The request with all its defaults."},
    "counts": ref("Counts"),
    "note": {**or_null(TEXT), "description": "Of a person or a program."},
    "revision": _REVISION,
    "links": ref("Links"),
}

_TRIAL: Schema = {
    "number": COUNT,
    "attempt": {"type": "integer", "minimum": 1},
    "state": {"enum": TRIAL_STATES},
    "hyperparameters": ASSIGNMENT,
    "attributes": {"type": "object", "description": "JSON that the training code attached."},
    "values": VALUES,
    "reason": or_null(TEXT),
    "reports": listed("Report"),
    "created_at": WHEN,
    "started_at": or_null(WHEN),
    "finished_at": or_null(WHEN),
    "enqueued": {"type": "boolean"},
    "imported": {"type": "boolean", "description": "It was made elsewhere."},
    "note": {**or_null(TEXT), "description": "Of a person or a program: why they wanted it."},
    "retry_of": {**or_null(COUNT), "description": "The trial that it repeats."},
    "parent": or_null(COUNT),
    "exit_code": {"type": ["integer", "null"]},
    "log_tail": or_null(TEXT),
}

SCHEMAS: dict[str, Schema] = {
    **STUDY_SCHEMAS,
    "Submitted": with_optional(
        closed(name=TEXT, namespace=TEXT, state={"enum": EXPERIMENT_STATES}, links=ref("Links")),
        warnings={
            "type": "array",
            "items": TEXT,
            "description": "What keeps its trials from starting now, if anything is known to.",
        },
    ),
    "Links": closed(self=TEXT, trials=TEXT, best=TEXT),
    "Counts": closed(
        waiting=COUNT,
        running=COUNT,
        complete=COUNT,
        pruned=COUNT,
        failed=COUNT,
        stopped={
            **COUNT,
            "description": "Stopped, or cut off by the end of the experiment: no failures.",
        },
    ),
    "Experiment": {
        "oneOf": [
            {"title": "of one objective", **closed(**_EXPERIMENT, best=or_null(ref("Trial")))},
            {"title": "of several objectives", **closed(**_EXPERIMENT, pareto=listed("Trial"))},
        ]
    },
    "Overview": closed(
        **{
            name: schema
            for name, schema in _EXPERIMENT.items()
            if name not in ("spec", "note", "revision", "links")
        },
        algorithm=TEXT,
        objectives={
            "type": "array",
            "items": closed(metric=TEXT, direction={"enum": ["minimize", "maximize"]}),
        },
        max_trials=COUNT,
        labels={"type": "object", "additionalProperties": TEXT},
        best={
            **or_null(closed(number=COUNT, values=VALUES)),
            "description": "The best trial; null if there is none, or several are on the front.",
        },
        front={**COUNT, "description": "The number of best trials: those on the Pareto front."},
    ),
    "OverviewPage": page("experiments", "Overview"),
    "ExperimentPage": page("experiments", "Experiment"),
    "Best": {"oneOf": [closed(best=or_null(ref("Trial"))), closed(pareto=listed("Trial"))]},
    "Trial": closed(**_TRIAL),
    "Handed": closed(
        **_TRIAL,
        token={**TEXT, "description": "The bearer token of this attempt's reports and outcome."},
        checkpoint_url={**TEXT, "description": "Where it may save its progress."},
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
    "Asked": closed(
        trials=listed("Handed"),
        state={"enum": EXPERIMENT_STATES},
        reason=or_null(TEXT),
        ended={"type": "boolean", "description": "True: there will be no more trials."},
        uid={
            **TEXT,
            "description": "The experiment's; a later one of the name has another.",
        },
    ),
    "Output": closed(output={**TEXT, "maxLength": MOST_OUTPUT}),
    "Release": {
        "type": "object",
        "properties": {
            "reason": {"type": ["string", "null"], "maxLength": MAX_REASON},
            "counted": {"type": "boolean", "default": False},
        },
        "additionalProperties": False,
    },
    "Change": closed(
        seq={**COUNT, "description": "The number of its entry in the log."},
        at=or_null(WHEN),
        actor={**or_null(TEXT), "description": "Null: not known, or its budget ended it."},
        action={
            "enum": [
                *("submit", "enqueue", "import", "take", "extend"),
                *("pause", "resume", "end", "delete", "create", "tell", "change", "set"),
                *("stop", "retry", "note", "label"),
            ]
        },
        detail=TEXT,
    ),
    "ChangePage": page("changes", "Change"),
    "TrialColumns": closed(
        numbers=many(COUNT),
        state_names=many(TEXT),
        states=many({**COUNT, "description": "Its place in `state_names`."}),
        attempts=many(COUNT),
        created_at=many({"type": "number", "description": "Seconds since 1970, in UTC."}),
        started_at=many({"type": ["number", "null"]}),
        finished_at=many({"type": ["number", "null"]}),
        earlier_seconds={
            "type": "object",
            "additionalProperties": {"type": "number"},
            "description": "How long earlier attempts ran, of trials that have some, by number.",
        },
        retries={
            "type": "object",
            "additionalProperties": COUNT,
            "description": "Which trial a retry repeats, by its own number.",
        },
        hyperparameters={
            "type": "object",
            "additionalProperties": many({"type": ["boolean", "number", "string", "null"]}),
            "description": "By name; null where it is not active.",
        },
        values={"type": "object", "additionalProperties": many(or_null(VALUE))},
        attributes={
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": {"type": ["boolean", "number", "string"]},
            },
            "description": "By name, then by number: at most 30 names, and neither nested values "
            "nor texts of more than 100 letters.",
        },
    ),
    "Columns": closed(
        experiment=ref("Overview"),
        revision=_REVISION,
        trials=ref("TrialColumns"),
        changed={**ref("TrialColumns"), "description": "Those that `open` names."},
        last={"type": "integer", "description": "The number to send as `after` next."},
        more={"type": "boolean", "description": "Whether there are trials above `last`."},
    ),
    "Progress": closed(
        improvements=many(closed(number=COUNT, value=VALUE)),
        trials={**COUNT, "description": "How many there are."},
    ),
    "Curves": closed(
        curves=many(
            closed(
                number=COUNT,
                state={"enum": TRIAL_STATES},
                attempts=many(COUNT),
                steps=many(COUNT),
                values={"type": "object", "additionalProperties": many(or_null(VALUE))},
            )
        )
    ),
    "TrialPage": page("trials", "Trial"),
    "Trials": closed(trials=listed("Trial")),
    "Artifacts": closed(
        artifacts={"type": "array", "items": TEXT, "description": "Names of files, sorted."},
        next={**or_null(TEXT), "description": "The next page; null if this is the last."},
    ),
    "Enqueue": with_optional(
        closed(trials={"type": "array", "items": ASSIGNMENT}),
        note={**TEXT, "minLength": 1, "maxLength": NOTE_LENGTH, "description": "Why."},
    ),
    "Note": closed(
        note={
            **TEXT,
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
    "Import": with_optional(
        closed(trials={"type": "array", "items": _FINISHED, "minItems": 1, "maxItems": IMPORTED}),
        count={"type": "boolean", "default": False},
    ),
    "Report": _REPORT,
    "Reports": {
        "oneOf": [
            ref("Report"),
            with_optional(
                closed(reports={**listed("Report"), "maxItems": MAX_REPORTS}),
                ending={
                    "type": "boolean",
                    "default": False,
                    "description": "True: the training has ended, and its run is about to.",
                },
            ),
        ]
    },
    "Stop": closed(stop={"type": "boolean", "description": "True: please stop now."}),
    "Outcome": {
        "type": "object",
        "properties": {
            "state": {"enum": list(STATES)},
            "values": SENT_VALUES,
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
            "id": {**TEXT, "minLength": 1},
            "source": {**TEXT, "minLength": 1},
            "type": {"enum": list(EVENTS)},
            "subject": {
                **TEXT,
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
    "EventResults": closed(
        events={"type": "array", "items": closed(id=TEXT, stop={"type": "boolean"})}
    ),
    "Algorithms": closed(
        algorithms={"type": "array", "items": {"type": "object"}},
        early_stopping={"type": "array", "items": {"type": "object"}},
    ),
    "Aliases": closed(aliases={"type": "array", "items": TEXT}, commands={"type": "boolean"}),
    "DeadLetter": closed(**_LETTER),
    "DeadLetterWithData": closed(**_LETTER, data={"description": "JSON, or else text."}),
    "DeadLetterPage": page("dead_letters", "DeadLetter"),
    "Actor": closed(
        name=or_null(TEXT),
        groups={"type": "array", "items": TEXT},
        how={"enum": ["token", "oidc", "kubernetes", "header", "none"]},
    ),
    "Login": closed(
        issuer=TEXT,
        client_id=TEXT,
        scope=TEXT,
        audience=TEXT,
        token={"enum": ["access_token", "id_token"], "description": "Which one to send."},
        page_client_id={**TEXT, "description": "Empty: the page uses client_id."},
    ),
    "PageLogin": closed(authorization_endpoint=TEXT, client_id=TEXT, scope=TEXT, audience=TEXT),
    "Exchange": {
        "type": "object",
        "description": "A code of the issuer, or a refresh token alone.",
        "properties": dict.fromkeys(
            ("code", "code_verifier", "redirect_uri", "refresh_token"), TEXT
        ),
        "additionalProperties": False,
    },
    "Tokens": closed(
        token={**TEXT, "description": "The token to send to this service."},
        expires_in={**COUNT, "description": "Seconds."},
        refresh_token=or_null(TEXT),
    ),
    "Rights": closed(
        rights={
            "type": "object",
            "additionalProperties": {"type": "array", "items": TEXT},
            "description": "The verbs, for each resource.",
        }
    ),
    "Status": closed(status=TEXT),
    "Problem": closed(
        type=TEXT,
        title=TEXT,
        status={"type": "integer"},
        detail=TEXT,
        instance=TEXT,
        errors=listed("FieldError"),
    ),
    "FieldError": closed(field=TEXT, value={}, message=TEXT, remedy=TEXT),
    "Any": {"type": "object"},
    "Text": TEXT,
}
