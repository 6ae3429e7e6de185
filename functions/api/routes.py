"""The API's routes, one row each. Routing, checking and the OpenAPI document read this table."""

from functools import cache
from typing import Any

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from functions.api import endpoints, workers
from functions.api.call import Call
from functions.api.route import BYTES, EVENT, HTML, TEXT, Query, Route, paths
from functions.http import json_answer
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
    "after", "Only those whose names sort after this.", {"type": "string", "pattern": f"^{NAME}$"}
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

_ONE = "/experiments/{name}"
_TRIAL = "/experiments/{name}/trials/{number}"
_FILE = {"type": "string", "pattern": "^[^\\x00-\\x1f\\x7f]{1,1024}$"}
_ARTIFACT = Query("name", "The file's name, as it is listed.", _FILE)
_PAGE_OF_ARTIFACTS = (
    _limit(100),
    Query("after", "Only those whose names sort after this.", _FILE),
)
_LETTER = "/dead-letters/{letter}"
_AFTER_LETTER = Query(
    "after", "Only those older than this.", {"type": "string", "pattern": f"^{ID}$"}
)
_PAGE_OF_LETTERS = (_limit(50), _AFTER_LETTER)
_PAGE_OF_EXPERIMENTS = (_limit(50), _AFTER_NAME, _OF_EXPERIMENTS)
_PAGE_OF_TRIALS = (_limit(100), _AFTER_NUMBER, _OF_TRIALS)


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document of all routes."""
    from functions.api.openapi import document

    return document(ROUTES)


def _openapi(_: Call) -> Response:
    """This description."""
    return json_answer(description())


ROUTES = (
    Route("POST", "/submit_job", endpoints.submit, "Submitted", "Request", key=True),
    Route(
        "GET", "/experiments", endpoints.experiments, "ExperimentPage", query=_PAGE_OF_EXPERIMENTS
    ),
    Route("GET", _ONE, endpoints.experiment, "Experiment"),
    Route("PATCH", _ONE, endpoints.extend, "Experiment", "Changes"),
    Route("DELETE", _ONE, endpoints.delete, None, status=204),
    Route("GET", f"{_ONE}/best", endpoints.best, "Best"),
    Route("POST", f"{_ONE}/pause", endpoints.pause, "Experiment"),
    Route("POST", f"{_ONE}/resume", endpoints.resume, "Experiment"),
    Route("POST", f"{_ONE}/stop", endpoints.stop, "Experiment"),
    Route("GET", f"{_ONE}/trials", endpoints.trials, "TrialPage", query=_PAGE_OF_TRIALS),
    Route("POST", f"{_ONE}/trials", endpoints.enqueue, "Trials", "Enqueue", key=True),
    Route("POST", f"{_ONE}/trials/ask", workers.ask, "Asked", "Ask", key=True),
    Route("POST", f"{_ONE}/import", endpoints.import_trials, "Trials", "Import", key=True),
    Route("GET", _TRIAL, endpoints.trial, "Trial"),
    Route("GET", f"{_TRIAL}/artifacts", endpoints.artifacts, "Artifacts", query=_PAGE_OF_ARTIFACTS),
    Route("GET", f"{_TRIAL}/artifact", endpoints.artifact, "Text", query=(_ARTIFACT,), media=BYTES),
    Route("GET", f"{_TRIAL}/logs", endpoints.logs, "Text", query=(_ATTEMPT,), media=TEXT),
    Route("POST", f"{_TRIAL}/reports", endpoints.report, "Stop", "Reports", token=True),
    Route("POST", f"{_TRIAL}/outcome", endpoints.outcome, "Trial", "Outcome", token=True),
    Route("POST", f"{_TRIAL}/release", workers.release, "Trial", "Release", token=True),
    Route("POST", f"{_TRIAL}/output", workers.output, None, "Output", token=True, status=204),
    Route("POST", "/events", endpoints.events, "EventResults", EVENT, scoped=False),
    Route(
        "GET",
        "/dead-letters",
        endpoints.dead_letters,
        "DeadLetterPage",
        query=_PAGE_OF_LETTERS,
        scoped=False,
    ),
    Route("GET", _LETTER, endpoints.dead_letter, "DeadLetterWithData", scoped=False),
    Route("POST", f"{_LETTER}/replay", endpoints.replay, "DeadLetter", scoped=False),
    Route("GET", "/algorithms", endpoints.algorithms, "Algorithms", scoped=False),
    Route("GET", "/schema", endpoints.schema, "Any", scoped=False),
    Route("GET", "/openapi.json", _openapi, "Any", scoped=False),
    Route("GET", "/docs", endpoints.docs, "Text", scoped=False, media=HTML),
    Route("GET", "/docs/{asset}", endpoints.docs_asset, "Text", scoped=False, media="*/*"),
    Route("GET", "/health", endpoints.health, "Status", scoped=False),
    Route("GET", "/ready", endpoints.ready, "Status", scoped=False),
)


def routing() -> Map:
    """The table as a map whose endpoints are the positions of its rows."""
    rules = [
        Rule(path.replace("{", "<").replace("}", ">"), endpoint=row, methods=[route.method])
        for row, route in enumerate(ROUTES)
        for path in paths(route)
    ]
    # A redirect would lose the body of a POST.
    return Map(rules, strict_slashes=False, merge_slashes=False, redirect_defaults=False)
