"""All trials as columns, for tables and plots: one array for each member, in one small answer.

A caller asks for the trials above a number, and again for those that had not ended when it asked
last. So following an experiment costs what has changed, however many trials it has. Whole pages of
ended trials never change: a process keeps the newest as encoded.
"""

import math
import threading
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
from werkzeug.wrappers import Response

from functions.api.call import Call
from functions.api.documents import overview_json, revision_of
from functions.http import json_answer
from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.experiment import Experiment
from tunelet.core.problem import Constraint
from tunelet.core.summary import summary
from tunelet.core.trial import TrialState, number
from tunelet.log.rows import Row, row_of

if TYPE_CHECKING:
    from tunelet.service import Service

MOST_ROWS = 50_000
MOST_OPEN = 2_000
MOST_ATTRIBUTES = 30
"""Names of attributes in one answer."""
LONGEST_ATTRIBUTE = 100
"""Letters of a text."""
KEPT_BYTES = 64 << 20

_STATES = list(TrialState)
_CODES = {state: code for code, state in enumerate(_STATES)}
_encode = msgspec.json.Encoder().encode

Json = dict[str, Any]


class Kept:
    """The answers that this process encoded last. Threads may share one."""

    def __init__(self, room: int = KEPT_BYTES) -> None:
        self._kept = BoundedCache[Hashable, bytes](weight=room)
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: Hashable, answer: bytes) -> None:
        with self._lock:
            self._kept.put(key, answer, len(answer))


_pages = Kept()
_progress = Kept(1 << 20)


def columns(call: Call) -> Response:
    """Show trials as columns: those above `after`, without their reports.

    Also those that `open` names: trials that had not ended at the caller's last request. So `after`
    need not go back to the first of them.
    """
    after, limit = call.query.get("after", -1), call.query.get("limit", MOST_ROWS)
    numbers = numbers_in(call.query.get("open"))
    return json_answer(page_of(call.service, call.namespace, call.name, after, limit, numbers))


def page_of(
    service: "Service",
    namespace: str,
    name: str,
    after: int,
    limit: int,
    opened: Sequence[int] = (),
) -> Json:
    """Return the answer of `columns`, with its trials as encoded."""
    experiment = service.experiment(namespace, name)
    of = (namespace, name)
    kept = _pages.get((*of, experiment.uid, after, limit))
    if kept is None:
        experiment, rows, more = service.rows(*of, after, limit)
        page, last = _encode(_columns(rows)), rows[-1].number if rows else after
        if more and all(row.finished_at is not None for row in rows):
            _pages.keep((*of, experiment.uid, after, limit), page)
    else:
        # The numbers have no gaps, and a page is kept only if more follow.
        page, last, more = kept, after + limit, True
    changed = service.some(*of, opened)
    return {
        "experiment": overview_json(summary(experiment)),
        "revision": revision_of(experiment),
        "trials": msgspec.Raw(page),
        "changed": _columns([row_of(trial) for trial in changed]),
        "last": last,
        "more": more,
    }


def progress(call: Call) -> Response:
    """Show the best value so far, by the trials at which it got better; of one objective only."""
    experiment = call.service.experiment(call.namespace, call.name)
    best = experiment.best[0].number if experiment.best else -1
    key = (call.namespace, call.name, experiment.uid, best)
    found = _progress.get(key)
    if found is None:
        found = _encode(_improvements(call, experiment)) if len(experiment.best) == 1 else b"[]"
        _progress.keep(key, found)
    answer = {"improvements": msgspec.Raw(found), "trials": experiment.next_number}
    return json_answer(answer)


def _improvements(call: Call, experiment: Experiment) -> list[Json]:
    terms, found = experiment.terms, []
    if len(terms.objectives) != 1:
        return []
    objective, least = terms.objectives[0], math.inf
    for row in _rows(call):
        loss = objective.loss(row.values)
        if loss < least and _counts(row, terms.constraints):
            least = loss
            found.append({"number": row.number, "value": row.values[objective.metric]})
    return found


def _rows(call: Call) -> Iterator[Row]:
    after, more = -1, True
    while more:
        _, rows, more = call.service.rows(call.namespace, call.name, after, MOST_ROWS)
        yield from rows
        after = rows[-1].number if rows else after


def _counts(row: Row, constraints: Sequence[Constraint]) -> bool:
    """Whether the trial may be the best."""
    return row.ended_as is TrialState.COMPLETE and all(
        each.violation(number(row.values.get(each.metric, "NaN"))) <= 0 for each in constraints
    )


def numbers_in(listed: str | None) -> list[int]:
    """Return the numbers of a list with commas."""
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
        # Most trials have neither.
        "earlier_seconds": {
            str(row.number): round(row.earlier_seconds, 3) for row in rows if row.attempt > 1
        },
        "retries": {str(row.number): row.retry_of for row in rows if row.retry_of is not None},
        "hyperparameters": by_name([row.hyperparameters for row in rows]),
        "values": by_name([row.values for row in rows]),
        "attributes": _attributes(rows),
    }


def _attributes(rows: Iterable[Row]) -> Json:
    """Return what a cell can show, by name and number. Other attributes are left out."""
    found: dict[str, Json] = {}
    for row in rows:
        for name, value in row.attributes.items():
            if _fits_a_cell(value) and (name in found or len(found) < MOST_ATTRIBUTES):
                found.setdefault(name, {})[str(row.number)] = value
    return found


def _fits_a_cell(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_ATTRIBUTE
    return isinstance(value, bool | int | float)


def by_name(rows: Sequence[Json]) -> Json:
    """Return an array for each name, with null where a row does not have it."""
    return {name: [row.get(name) for row in rows] for name in _names(rows)}


def _names(rows: Iterable[Json]) -> dict[str, None]:
    return dict.fromkeys(chain.from_iterable(rows))
