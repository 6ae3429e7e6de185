"""The API's routes, one row each. Routing, checking and the OpenAPI document read this table."""

from functools import cache
from typing import Any

from werkzeug.wrappers import Response

from functions.api import (
    columns,
    curves,
    endpoints,
    files,
    interventions,
    metrics,
    sign_in,
    studies,
    workers,
)
from functions.api.call import Call
from functions.api.route import BYTES, EVENT, HTML, TEXT, Query, Route, paths
from functions.api.routing import Routing
from functions.http import json_answer
from functions.identity.rights import Entry, Resource, Right, Verb
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.trial import TrialState
from tunelet.dead_letters import ID
from tunelet.service import READ_A_PAGE
from tunelet.text.limits import NAME


def _limit(default: int) -> Query:
    schema = {"type": "integer", "minimum": 1, "maximum": 500, "default": default}
    return Query("limit", "The size of a page.", schema)


def _state(what: str, states: list[str], bound: str = "") -> Query:
    return Query("state", f"Only {what} in this state.{bound}", {"type": "string", "enum": states})


_AFTER_NAME = Query(
    "after", "Only names that sort after this one.", {"type": "string", "pattern": f"^{NAME}$"}
)
_AFTER_NUMBER = Query(
    "after", "Only those with higher numbers.", {"type": "integer", "minimum": -1}
)
_ATTEMPT = Query(
    "attempt", "Which attempt; the newest unless given.", {"type": "integer", "minimum": 1}
)
_NEVER_LISTED = (ExperimentState.DELETED, ExperimentState.DAMAGED)
_OF_EXPERIMENTS = _state(
    "experiments",
    [state for state in ExperimentState if state not in _NEVER_LISTED],
    f" For one page {READ_A_PAGE} are looked at, so it may be shorter than `limit`, even empty,"
    " though `next` is not null.",
)
_OF_TRIALS = _state("trials", list(TrialState))

_MUST_START = Query(
    "must_start",
    "Refuse the experiment if none of its trials can start now. Else they wait, with a warning.",
    {"type": "string", "enum": ["true"]},
)
_ONE = "/experiments/{name}"
_TRIAL = "/experiments/{name}/trials/{number}"
_FILE = {"type": "string", "pattern": "^[^\\x00-\\x1f\\x7f]{1,1024}$"}
_ARTIFACT = Query("name", "The file's name, as it is listed.", _FILE, required=True)
_PAGE_OF_ARTIFACTS = (
    _limit(100),
    Query("after", "Only names that sort after this one.", _FILE),
)
_STUDY = "/studies/{study}"
_BEATS = f"{_STUDY}/heartbeats/{{caller}}"
_STUDY_NAME = {"type": "string", "pattern": f"^[\\s\\S]{{0,{studies.NAME_LENGTH}}}$"}
_PAGE_OF_STUDIES = (
    _limit(100),
    _AFTER_NAME,
    Query("name", "Only the study of this name.", _STUDY_NAME),
)
_FROM_0 = {"type": "integer", "minimum": 0, "default": 0}
_CHANGES = (
    Query("after", "Of which entry of the log the caller knows the state.", _FROM_0),
    Query("lowest", "The lowest number of a trial that the caller lacks.", _FROM_0),
)
_LETTER = "/dead-letters/{letter}"
_AFTER_LETTER = Query(
    "after", "Only those older than this.", {"type": "string", "pattern": f"^{ID}$"}
)
_PAGE_OF_LETTERS = (_limit(50), _AFTER_LETTER)
_PAGE_OF_EXPERIMENTS = (_limit(50), _AFTER_NAME, _OF_EXPERIMENTS)
_LIVE = Query(
    "live",
    "Only those that have not ended, or ended minutes ago.",
    {"type": "string", "enum": ["true", "false"]},
)
_PAGE_OF_OVERVIEW = (_limit(500), _AFTER_NAME, _LIVE)
_PAGE_OF_CHANGES = (
    _limit(100),
    Query("after", "Only those of later log entries.", {"type": "integer", "minimum": 0}),
)


def _listed(most: int) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^[0-9]{{1,15}}(,[0-9]{{1,15}}){{0,{most - 1}}}$"}


_ROWS = {
    "type": "integer",
    "minimum": 1,
    "maximum": columns.MOST_ROWS,
    "default": columns.MOST_ROWS,
}
_OPEN = f"Also these, at most {columns.MOST_OPEN} numbers with commas between them."
_COLUMNS = (
    Query("limit", "The most trials above `after`.", _ROWS),
    _AFTER_NUMBER,
    Query("open", _OPEN, _listed(columns.MOST_OPEN)),
)
_NUMBERS = f"Only these trials: at most {curves.MOST_CURVES} numbers with commas between them."
_THINNED = "About this number of reports for each metric, the extremes among them; without it all."
_POINTS = Query("points", _THINNED, {"type": "integer", "minimum": 2, "maximum": 10_000})
_CURVES = (Query("numbers", _NUMBERS, _listed(curves.MOST_CURVES)), _POINTS)
_CHOSEN = Query("numbers", f"{_NUMBERS} The other parameters have no effect.", _CURVES[0].schema)
_PAGE_OF_TRIALS = (_limit(100), _AFTER_NUMBER, _OF_TRIALS, _CHOSEN)


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document of all routes."""
    from functions.api.openapi import document

    return document(ROUTES)


def _openapi(_: Call) -> Response:
    """Show the OpenAPI document."""
    return json_answer(description())


EXPERIMENTS, TRIALS, DEAD_LETTERS = Resource
SEE, LIST = Right(Verb.GET, EXPERIMENTS), Right(Verb.LIST, EXPERIMENTS)
CREATE, CHANGE = Right(Verb.CREATE, EXPERIMENTS), Right(Verb.UPDATE, EXPERIMENTS)
DELETE = Right(Verb.DELETE, EXPERIMENTS)
SEE_TRIAL, LIST_TRIALS = Right(Verb.GET, TRIALS), Right(Verb.LIST, TRIALS)
ADD_TRIALS, TAKE_TRIALS = Right(Verb.CREATE, TRIALS), Right(Verb.UPDATE, TRIALS)
SEE_LETTER, LIST_LETTERS = Right(Verb.GET, DEAD_LETTERS), Right(Verb.LIST, DEAD_LETTERS)
REPLAY = Right(Verb.UPDATE, DEAD_LETTERS)

ROUTES = (
    Route(
        "POST",
        "/submit_job",
        endpoints.submit,
        CREATE,
        "Submitted",
        "Request",
        query=(_MUST_START,),
        key=True,
        namespace_in_body=True,
    ),
    Route(
        *("GET", "/experiments", endpoints.experiments, LIST, "ExperimentPage"),
        query=_PAGE_OF_EXPERIMENTS,
    ),
    Route(*("GET", "/overview", endpoints.overview, LIST, "OverviewPage"), query=_PAGE_OF_OVERVIEW),
    Route("GET", "/metrics", metrics.metrics, LIST, "Text", media=TEXT),
    Route("GET", _ONE, endpoints.experiment, SEE, "Experiment"),
    Route("PATCH", _ONE, endpoints.extend, CHANGE, "Experiment", "Changes"),
    Route("DELETE", _ONE, endpoints.delete, DELETE, None, status=204),
    Route("GET", f"{_ONE}/best", endpoints.best, SEE, "Best"),
    Route("GET", f"{_ONE}/audit", endpoints.audit, SEE, "ChangePage", query=_PAGE_OF_CHANGES),
    Route("POST", f"{_ONE}/pause", endpoints.pause, CHANGE, "Experiment"),
    Route("POST", f"{_ONE}/resume", endpoints.resume, CHANGE, "Experiment"),
    Route("POST", f"{_ONE}/stop", endpoints.stop, CHANGE, "Experiment"),
    Route("PUT", f"{_ONE}/note", interventions.note, CHANGE, "Experiment", "Note"),
    Route("PATCH", f"{_ONE}/labels", interventions.label, CHANGE, "Experiment", "LabelChanges"),
    Route("POST", f"{_TRIAL}/stop", interventions.stop_trial, CHANGE, "Trial"),
    Route("POST", f"{_TRIAL}/retry", interventions.retry, CHANGE, "Trial", key=True),
    Route("PUT", f"{_TRIAL}/note", interventions.note_trial, CHANGE, "Trial", "Note"),
    Route(
        "GET", f"{_ONE}/trials", endpoints.trials, LIST_TRIALS, "TrialPage", query=_PAGE_OF_TRIALS
    ),
    Route("POST", f"{_ONE}/trials", endpoints.enqueue, ADD_TRIALS, "Trials", "Enqueue", key=True),
    Route("POST", f"{_ONE}/trials/ask", workers.ask, TAKE_TRIALS, "Asked", "Ask", key=True),
    Route(
        *("POST", f"{_ONE}/import", endpoints.import_trials, ADD_TRIALS, "Trials", "Import"),
        key=True,
    ),
    Route("GET", f"{_ONE}/columns", columns.columns, LIST_TRIALS, "Columns", query=_COLUMNS),
    Route("GET", f"{_ONE}/progress", columns.progress, LIST_TRIALS, "Progress"),
    Route("GET", f"{_ONE}/curves", curves.curves, LIST_TRIALS, "Curves", query=_CURVES),
    Route("GET", _TRIAL, endpoints.trial, SEE_TRIAL, "Trial"),
    Route(
        *("GET", f"{_TRIAL}/artifacts", files.artifacts, SEE_TRIAL, "Artifacts"),
        query=_PAGE_OF_ARTIFACTS,
    ),
    Route(
        *("GET", f"{_TRIAL}/artifact", files.artifact, SEE_TRIAL, "Text"),
        query=(_ARTIFACT,),
        media=BYTES,
    ),
    Route("GET", f"{_TRIAL}/logs", files.logs, SEE_TRIAL, "Text", query=(_ATTEMPT,), media=TEXT),
    Route("POST", f"{_TRIAL}/reports", endpoints.report, Entry.TRIAL, "Stop", "Reports"),
    Route("POST", f"{_TRIAL}/outcome", endpoints.outcome, Entry.TRIAL, "Trial", "Outcome"),
    Route("POST", f"{_TRIAL}/release", workers.release, Entry.TRIAL, "Trial", "Release"),
    Route("POST", f"{_TRIAL}/output", workers.output, Entry.TRIAL, None, "Output", status=204),
    Route(
        *("POST", "/studies", studies.create_study, CREATE, "Study", "NewStudy"),
        key=True,
    ),
    Route("GET", "/studies", studies.studies, LIST, "StudyPage", query=_PAGE_OF_STUDIES),
    Route("DELETE", _STUDY, studies.delete_study, DELETE, None, status=204),
    Route(
        *("GET", f"{_STUDY}/changes", studies.study_changes, LIST_TRIALS, "StudyChanges"),
        query=_CHANGES,
    ),
    Route(
        *("POST", f"{_STUDY}/commands", studies.change_study, CHANGE),
        *("StudyChanged", "StudyCommands"),
    ),
    Route("GET", _BEATS, studies.heartbeats, SEE_TRIAL, "Heartbeats"),
    Route("PUT", _BEATS, studies.send_heartbeats, CHANGE, None, "Heartbeats", status=204),
    Route("POST", "/events", endpoints.events, Entry.TRIAL, "EventResults", EVENT, scoped=False),
    Route(
        *("GET", "/dead-letters", endpoints.dead_letters, LIST_LETTERS, "DeadLetterPage"),
        query=_PAGE_OF_LETTERS,
        scoped=False,
    ),
    Route("GET", _LETTER, endpoints.dead_letter, SEE_LETTER, "DeadLetterWithData", scoped=False),
    Route("POST", f"{_LETTER}/replay", endpoints.replay, REPLAY, "DeadLetter", scoped=False),
    Route("GET", "/algorithms", endpoints.algorithms, Entry.ACTOR, "Algorithms", scoped=False),
    Route("GET", "/aliases", endpoints.aliases, Entry.ACTOR, "Aliases", scoped=False),
    Route("GET", "/whoami", sign_in.whoami, Entry.ACTOR, "Actor", scoped=False),
    Route("GET", "/rights", sign_in.rights, Entry.ACTOR, "Rights"),
    Route("GET", "/login", sign_in.login, Entry.OPEN, "Login", scoped=False),
    Route("GET", "/login/page", sign_in.page_login, Entry.OPEN, "PageLogin", scoped=False),
    Route(
        *("POST", "/login/token", sign_in.page_token, Entry.OPEN, "Tokens", "Exchange"),
        scoped=False,
    ),
    Route("GET", "/schema", endpoints.schema, Entry.OPEN, "Any", scoped=False),
    Route("GET", "/openapi.json", _openapi, Entry.OPEN, "Any", scoped=False),
    Route("GET", "/docs", endpoints.docs, Entry.OPEN, "Text", scoped=False, media=HTML),
    Route(
        "GET",
        "/docs/{asset}",
        endpoints.docs_asset,
        Entry.OPEN,
        "Text",
        scoped=False,
        media="*/*",
    ),
    Route("GET", "/health", endpoints.health, Entry.OPEN, "Status", scoped=False),
    Route("GET", "/ready", endpoints.ready, Entry.OPEN, "Status", scoped=False),
)


def routing() -> Routing:
    """Return what finds the positions of rows in the table."""
    rows = enumerate(ROUTES)
    return Routing((route.method, path, row) for row, route in rows for path in paths(route))
