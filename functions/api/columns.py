"""All trials as columns, for tables and plots: one array for each member, in one small answer.

A caller asks for the trials above a number, and again for those that had not ended when it asked
last. So following an experiment costs what has changed, however many trials it has. Whole pages of
ended trials never change: a process keeps the newest as encoded.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.api.documents import overview_json
from functions.http import json_answer
from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.trial import Trial, TrialState
from tunelet.log.rows import Row, row_of

MOST_ROWS = 50_000
MOST_OPEN = 2_000
MOST_CURVES = 500
KEPT_BYTES = 64 << 20

_STATES = list(TrialState)
_CODES = {state: code for code, state in enumerate(_STATES)}
_encode = msgspec.json.Encoder().encode

Json = dict[str, Any]


class Pages:
    """The encoded pages that this process made last. Threads may share one."""

    def __init__(self, room: int = KEPT_BYTES) -> None:
        self._kept = BoundedCache[tuple[str, int, int], tuple[bytes, int]](weight=room)
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int, int]) -> tuple[bytes, int] | None:
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: tuple[str, int, int], page: bytes, last: int) -> None:
        with self._lock:
            self._kept.put(key, (page, last), len(page))


_pages = Pages()


def columns(call: Call) -> Response:
    """The trials above `after` as columns, without their reports.

    Also those that `open` names, which had not ended when they were asked for last. Then the trials
    that have ended since are known, too, and `after` need not go back to the first open one.
    """
    after, limit = call.query.get("after", -1), call.query.get("limit", MOST_ROWS)
    experiment = call.service.experiment(call.namespace, call.name)
    key = (experiment.uid, after, limit)
    kept = _pages.get(key)
    if kept is None:
        experiment, rows, more = call.service.rows(call.namespace, call.name, after, limit)
        page, last = _encode(_columns(rows)), rows[-1].number if rows else after
        if more and all(row.finished_at is not None for row in rows):
            _pages.keep((experiment.uid, after, limit), page, last)
    else:
        (page, last), more = kept, True
    changed = call.service.some(call.namespace, call.name, _numbers(call.query.get("open")))
    return json_answer(
        {
            "experiment": overview_json(experiment),
            "trials": msgspec.Raw(page),
            "changed": _columns([row_of(trial) for trial in changed]),
            "last": last,
            "more": more,
        }
    )


def curves(call: Call) -> Response:
    """The reports of some trials, each metric as one array beside the steps."""
    numbers = _numbers(call.query.get("numbers"))
    found = call.service.some(call.namespace, call.name, numbers)
    return json_answer({"curves": [_curve(trial) for trial in found]})


def _numbers(listed: str | None) -> list[int]:
    return [int(number) for number in listed.split(",")] if listed else []


def _columns(rows: Sequence[Row]) -> Json:
    return {
        "numbers": [row.number for row in rows],
        "state_names": _STATES,
        "states": [_CODES[row.ended_as] for row in rows],
        "attempts": [row.attempt for row in rows],
        "created_at": [row.created_at for row in rows],
        "started_at": [row.started_at for row in rows],
        "finished_at": [row.finished_at for row in rows],
        "hyperparameters": _by_name([row.hyperparameters for row in rows]),
        "values": _by_name([row.values for row in rows]),
    }


def _by_name(rows: Sequence[Json]) -> Json:
    return {name: [row.get(name) for row in rows] for name in _names(rows)}


def _names(rows: Iterable[Json]) -> dict[str, None]:
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    return names


def _curve(trial: Trial) -> Json:
    return {
        "number": trial.number,
        "state": trial.state,
        "attempts": [report.attempt for report in trial.reports],
        "steps": [report.step for report in trial.reports],
        "values": _by_name([report.values for report in trial.reports]),
    }
