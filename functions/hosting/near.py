"""The client's calls to a service in its own process, without HTTP.

Answers are those of the API (functions.api.documents), through JSON: a client sees no difference.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

import msgspec

from functions.api.documents import best_json, change_json, experiment_json, submitted, trial_json
from tunelet.client.encoding import encoded
from tunelet.client.problem import noted
from tunelet.client.silence import Silence
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.trial import TrialState
from tunelet.errors import FieldError, NotFound, Reject, Retry
from tunelet.service import Service
from tunelet.text.limits import NAME
from tunelet.text.strict_json import decode

T = TypeVar("T")
Json = dict[str, Any]

_ROOT = "/api/namespaces/"
PART_BYTES = 4 << 20
_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
AWAY = 60.0
"""Seconds for which a request is repeated while the store is away."""


class Near:
    """What `tunelet.client.transport.Transport` is for HTTP."""

    url = "this process"

    def __init__(
        self,
        service: Service,
        shown: Callable[[Experiment], Json] = experiment_json,
        begun: Callable[[], bool] = lambda: True,
    ) -> None:
        """`begun` tells whether the store has ever answered: none is waited for before that."""
        self._service, self._shown, self._begun = service, shown, begun

    def join(self, namespace: str, name: str) -> Experiment:
        """See `Service.join`. Many that join at once wait for each other."""
        return self._patiently(lambda: self._service.join(namespace, name))

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """See `Transport.call`."""
        given = None if body is None else decode(encoded(body))
        known = {name: value for name, value in (query or {}).items() if value is not None}
        key = (headers or {}).get("Idempotency-Key")
        try:
            answer = self._patiently(lambda: self._answer(method, path, given, known, key))
        except Reject as fault:
            raise noted(fault) from None
        return None if answer is None else msgspec.json.decode(msgspec.json.encode(answer))

    def stream(
        self, path: str, query: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], Iterator[bytes]]:
        """See `Transport.stream`. Sends all bytes, whatever range is asked for."""
        namespace, _, name, _, number, what = _parts(path)
        trial = _number("number", number)
        with _naming(namespace, name):
            if what == "artifact":
                return 200, {}, self._artifact(namespace, name, trial, str(query["name"]))
            attempt = query.get("attempt")
            wanted = None if attempt is None else _number("attempt", attempt)
            logs = partial(self._service.files.logs, namespace, name, trial, wanted)
            chunks = self._patiently(logs)
        return 200, {}, chunks

    def _artifact(self, namespace: str, name: str, trial: int, file: str) -> Iterator[bytes]:
        """Return the file in parts. Raises `NotFound` before the first one."""
        read = partial(self._service.files.artifact, namespace, name, trial, file)
        first = self._patiently(lambda: read(0, PART_BYTES))
        return self._parts_of(read, first)

    def _parts_of(self, read: Callable[[int, int], bytes], first: bytes) -> Iterator[bytes]:
        part, offset = first, 0
        while part:
            yield part
            offset += len(part)
            part = self._patiently(partial(read, offset, PART_BYTES))

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask again while the store is away: writes have a key or need none."""
        pause, start, silence = _PAUSE, time.monotonic(), Silence()
        while True:
            try:
                return ask()
            except Retry as fault:
                if not self._begun() or time.monotonic() > start + AWAY:
                    raise
                silence.lasts(fault, AWAY)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _answer(
        self, method: str, path: str, body: Any, query: Mapping[str, Any], key: str | None
    ) -> Json | None:
        namespace, *rest = _parts(path)
        match method, *rest:
            case "POST", "submit_job":
                begun = self._service.submit(body, namespace, key, "must_start" in query)
                return submitted(begun, self._service.obstacle(begun))
            case "GET", "experiments":
                return self._experiments(namespace, query)
            case _, "experiments", name, *below:
                with _naming(namespace, name):
                    return self._of_experiment((method, *below), namespace, name, body, query, key)
        raise Reject(f"{method} {path} needs a service: start one with `tunelet up`")

    def _of_experiment(
        self,
        asked: tuple[str, ...],
        namespace: str,
        name: str,
        body: Any,
        query: Mapping[str, Any],
        key: str | None,
    ) -> Json | None:
        service, of = self._service, (namespace, name)
        match asked:
            case ("GET", *seen):
                return self._read(tuple(seen), namespace, name, query)
            case ("PATCH",):
                return self._shown(service.extend(*of, body))
            case ("DELETE",):
                service.delete(*of)
                return None
            case ("POST", "pause" | "resume" | "stop" as verb):
                return self._shown(getattr(service, verb)(*of))
            case ("POST", "trials"):
                made = service.enqueue(*of, body["trials"], key, body.get("note"))
                return {"trials": [trial_json(trial) for trial in made]}
            case ("POST", "import"):
                made = service.import_trials(*of, body, key)
                return {"trials": [trial_json(trial) for trial in made]}
        return self._intervened(asked, of, body, key)

    def _read(
        self, at: tuple[str, ...], namespace: str, name: str, query: Mapping[str, Any]
    ) -> Json:
        service, of = self._service, (namespace, name)
        match at:
            case ():
                return self._shown(service.experiment(*of))
            case ("best",):
                return best_json(service.experiment(*of), service.best(*of))
            case ("audit",):
                return self._audit(namespace, name, query)
            case ("columns",):
                return self._columns(namespace, name, query)
            case ("curves",):
                return self._curves(namespace, name, query)
            case ("trials",):
                return self._trials(namespace, name, query)
            case "trials", number, "artifacts":
                after, limit = query.get("after", ""), _number("limit", query["limit"])
                names, next_ = service.files.artifacts(*of, _number("number", number), after, limit)
                return {"artifacts": names, "next": _next(query, next_)}
            case "trials", number:
                return trial_json(service.trial(*of, _number("number", number)))
        raise Reject(f"GET {'/'.join(at)} needs a service: start one with `tunelet up`")

    def _intervened(
        self, asked: tuple[str, ...], of: tuple[str, str], body: Any, key: str | None
    ) -> Json:
        interventions = self._service.interventions
        match asked:
            case "PUT", "note":
                return self._shown(interventions.note(*of, body))
            case "PATCH", "labels":
                return self._shown(interventions.label(*of, body))
            case "POST", "trials", number, "stop":
                return trial_json(interventions.stop(*of, _number("number", number)))
            case "POST", "trials", number, "retry":
                return trial_json(interventions.retry(*of, _number("number", number), key))
            case "PUT", "trials", number, "note":
                noted = interventions.note_trial(*of, _number("number", number), body)
                return trial_json(noted)
        raise Reject(f"{' '.join(asked)} needs a service: start one with `tunelet up`")

    def _experiments(self, namespace: str, query: Mapping[str, Any]) -> Json:
        wanted = _page(query, ExperimentState)
        page, after = self._service.experiments(namespace, **wanted)
        shown = [self._shown(experiment) for experiment in page]
        return {"experiments": shown, "next": _next(query, after)}

    def _audit(self, namespace: str, name: str, query: Mapping[str, Any]) -> Json:
        wanted = {each: _number(each, query[each]) for each in ("after", "limit") if each in query}
        page, after = self._service.audit(namespace, name, **wanted)
        return {"changes": [change_json(change) for change in page], "next": _next(query, after)}

    def _columns(self, namespace: str, name: str, query: Mapping[str, Any]) -> Json:
        # Only reports and plots need them, and they import the HTTP side.
        from functions.api.columns import page_of

        after, limit = (_number(each, query[each]) for each in ("after", "limit"))
        return page_of(self._service, namespace, name, after, limit)

    def _curves(self, namespace: str, name: str, query: Mapping[str, Any]) -> Json:
        # Only a plot needs them, and they import the HTTP side.
        from functions.api.curves import curves_of

        numbers = [_number("numbers", each) for each in query["numbers"].split(",")]
        points = _number("points", query["points"])
        return curves_of(self._service, namespace, name, numbers, points)

    def _trials(self, namespace: str, name: str, query: Mapping[str, Any]) -> Json:
        if "numbers" in query:
            chosen = {_number("numbers", each) for each in query["numbers"].split(",")}
            some = self._service.some(namespace, name, chosen)
            return {"trials": [trial_json(trial) for trial in some], "next": None}
        wanted = _page(query, TrialState)
        if "after" in wanted:
            wanted["after"] = _number("after", wanted["after"])
        page, after = self._service.trials(namespace, name, **wanted)
        return {"trials": [trial_json(trial) for trial in page], "next": _next(query, after)}


@contextmanager
def _naming(namespace: str, name: str) -> Iterator[None]:
    try:
        yield
    except NotFound as missing:
        raise NotFound(f"{namespace}/{name}: {missing}") from missing


def _parts(path: str) -> list[str]:
    """The namespace, and what follows it. Raises `Reject` for names that are none."""
    if not path.startswith(_ROOT):
        raise Reject(f"{path} needs a service: start one with `tunelet up`")
    parts = [unquote(part) for part in path.removeprefix(_ROOT).split("/")]
    named = [("namespace", parts[0]), *([("name", parts[2])] if len(parts) > 2 else [])]
    remedy = "give at most 40 of a-z, 0-9 and inner dashes, and begin with a letter"
    for field, value in named:
        if not re.fullmatch(NAME, value, re.ASCII):
            error = FieldError(field, value, "is not a name", remedy)
            raise Reject("the request is invalid", [error])
    return parts


def _number(field: str, value: object) -> int:
    text = str(value)
    if not re.fullmatch(r"-?[0-9]{1,15}", text, re.ASCII):
        error = FieldError(field, text, "is not a number", "give an integer")
        raise Reject("the request is invalid", [error])
    return int(text)


def _page(query: Mapping[str, Any], states: type[ExperimentState] | type[TrialState]) -> Json:
    wanted = {**query, "limit": _number("limit", query["limit"])}
    if "state" in wanted and wanted["state"] not in list(states):
        error = FieldError("state", wanted["state"], "is not allowed", f"give {', '.join(states)}")
        raise Reject("the request is invalid", [error])
    return wanted


def _next(query: Mapping[str, Any], after: str | int | None) -> str | None:
    return None if after is None else f"?{urlencode({**query, 'after': after})}"
