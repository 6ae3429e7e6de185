"""The service from Python, over HTTP: for scripts, notebooks and the command line.

    from tunelet.client import Client

    experiment = Client().submit({"model_training_code": "trainer", "hyperparameters": {…}})
    experiment.wait().best

Needs urllib3 and none of Tunelet's extras. Every method raises the errors of `tunelet.errors`.
Transient errors are retried until the client's time-out, which is safe for every method (writes
carry a key, so a second one does nothing).
"""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from tunelet.client.artifacts import Artifacts
from tunelet.client.follow import output, until_ended
from tunelet.client.remote import Experiment
from tunelet.client.report import Json, metrics, winners
from tunelet.client.running import Asked, asked
from tunelet.client.trial import Trial
from tunelet.core.lease import USUAL

if TYPE_CHECKING:
    from tunelet.client.transport import Calls

_GROUP = 500
"""Trials in one request to import: of a hundred hyperparameters they fit into its body."""
_BY_NUMBER = 500
"""Trials in one request by their numbers: the API's limit."""
_FIRST_COLUMNS, _COLUMNS = 2_000, 50_000
"""Trials in one answer of columns."""

DEFAULT_URL = "http://127.0.0.1:8080"


class Client:
    """One namespace of one service.

    `url` defaults to TUNELET_URL, else http://127.0.0.1:8080. `token`, sent as a bearer token,
    defaults to TUNELET_TOKEN, else to the sign-in of `tunelet login` (tunelet.client.credentials).
    `timeout` is in seconds, for a whole call with its retries;
    `patience` (default: the same) while connections are refused.
    """

    def __init__(
        self,
        url: str | None = None,
        namespace: str = "default",
        token: str | None = None,
        timeout: float = 30.0,
        patience: float | None = None,
    ) -> None:
        # urllib3 is not needed by a client of a service in its own process.
        from tunelet.client.transport import Transport

        chosen = url or os.environ.get("TUNELET_URL") or DEFAULT_URL
        limit = timeout if patience is None else patience
        self._bind(Transport(chosen, token, timeout, limit), namespace)

    @classmethod
    def over(cls, transport: "Calls", namespace: str = "default") -> "Client":
        """A client that sends requests by another transport than HTTP."""
        client = cls.__new__(cls)
        client._bind(transport, namespace)
        return client

    def _bind(self, transport: "Calls", namespace: str) -> None:
        self._transport = transport
        self.url, self.namespace = transport.url, namespace
        self._root = f"/api/namespaces/{quote(namespace, safe='')}"
        self._objectives: dict[str, list[str]] = {}
        """By the uid of the experiment."""

    def __repr__(self) -> str:
        return f"Client({self.url!r}, namespace={self.namespace!r})"

    def submit(
        self,
        request: Mapping[str, Any],
        idempotency_key: str | None = None,
        *,
        may_wait: bool = False,
    ) -> Experiment:
        """Start an experiment. The same key submits the same experiment only once.

        Raises `Reject` if none of its trials can start now, for example if its image has no alias
        and the machine no container engine. With `may_wait` they wait, and `warnings` says so.

        `hyperparameters` may be a search space of Hyperopt, Optuna or Ray Tune (tunelet.interop).
        """
        if "hyperparameters" in request:
            from tunelet.interop import hyperparameters

            request = {**request, "hyperparameters": hyperparameters(request["hyperparameters"])}
        path, key = f"{self._root}/submit_job", _key(idempotency_key)
        query = None if may_wait else {"must_start": "true"}
        return self._seen(self._transport.call("POST", path, request, query, key))

    def experiments(self, state: str | None = None, limit: int = 100) -> Iterator[Experiment]:
        """All experiments of the namespace by name, fetched `limit` at a time."""
        query = {"state": state, "limit": limit}
        return map(self._seen, self._pages(self._path(), "experiments", query))

    def experiment(self, name: str) -> Experiment:
        """Return an experiment. Raises `NotFound`."""
        return self._seen(self._transport.call("GET", self._path(name)))

    def trials(
        self, name: str, state: str | None = None, after: int | None = None, limit: int = 500
    ) -> Iterator[Trial]:
        """The trials by number, only those above `after`, fetched `limit` at a time."""
        query = {"state": state, "after": after, "limit": limit}
        return map(Trial, self._pages(self._path(name, "trials"), "trials", query))

    def some_trials(self, name: str, numbers: Sequence[int]) -> Iterator[Trial]:
        """The trials that have these numbers, by number."""
        wanted = sorted(numbers)
        for start in range(0, len(wanted), _BY_NUMBER):
            query = {"numbers": ",".join(map(str, wanted[start : start + _BY_NUMBER]))}
            yield from map(Trial, self._pages(self._path(name, "trials"), "trials", query))

    def columns(self, name: str) -> Iterator[Json]:
        """All trials as columns, page by page: an array for each member, without reports.

        Each page has `experiment`, `trials`, the `last` number, and whether there are `more`.
        """
        last, more = -1, True
        while more:
            # A small first page, so that a reader can show something early.
            query = {"after": last, "limit": _FIRST_COLUMNS if last < 0 else _COLUMNS}
            page = self._transport.call("GET", self._path(name, "columns"), query=query)
            yield page
            last, more = page["last"], page["more"]

    def curves(self, name: str, numbers: Sequence[int], points: int = 300) -> list[Json]:
        """The reports of up to 500 trials as columns: `number`, `state`, `steps` and `values`.

        Of each metric of a trial about `points` are kept, so that a picture looks like one of all.
        """
        query = {"numbers": ",".join(map(str, numbers)), "points": points}
        found = self._transport.call("GET", self._path(name, "curves"), query=query)
        return list(found["curves"])

    def trial(self, name: str, number: int) -> Trial:
        """Return a trial. Raises `NotFound`."""
        return Trial(self._transport.call("GET", self._path(name, "trials", number)))

    def best(self, name: str) -> list[Trial]:
        """The best trial; of several objectives the Pareto front; empty before the first."""
        return list(map(Trial, winners(self._transport.call("GET", self._path(name, "best")))))

    def audit(self, name: str, limit: int = 100) -> Iterator[Json]:
        """Who changed the experiment, and when: `seq`, `at`, `actor`, `action` and `detail`.

        In the order of the log, fetched `limit` at a time; also of one that was deleted.
        """
        return self._pages(self._path(name, "audit"), "changes", {"limit": limit})

    def pause(self, name: str) -> Experiment:
        """Start no more trials; running trials continue."""
        return self._seen(self._transport.call("POST", self._path(name, "pause")))

    def resume(self, name: str) -> Experiment:
        """Continue after a pause or a stop."""
        return self._seen(self._transport.call("POST", self._path(name, "resume")))

    def stop(self, name: str) -> Experiment:
        """End the experiment and its running trials."""
        return self._seen(self._transport.call("POST", self._path(name, "stop")))

    def stop_trial(self, name: str, number: int) -> Trial:
        """End one trial and its run; the experiment continues. Returns the trial, which may have
        ended otherwise before."""
        return Trial(self._transport.call("POST", self._path(name, "trials", number, "stop")))

    def retry_trial(self, name: str, number: int, idempotency_key: str | None = None) -> Trial:
        """Add a trial with the hyperparameters of one that failed or was stopped; returns it.

        `max_trials` rises by one, and an experiment that has spent its trials continues. Raises
        `Conflict` if the trial brought a result or has not ended.
        """
        path, key = self._path(name, "trials", number, "retry"), _key(idempotency_key)
        return Trial(self._transport.call("POST", path, headers=key))

    def note(self, name: str, text: str) -> Experiment:
        """Replace the experiment's note; an empty one removes it."""
        return self._seen(self._transport.call("PUT", self._path(name, "note"), {"note": text}))

    def note_trial(self, name: str, number: int, text: str) -> Trial:
        """Replace a trial's note; an empty one removes it."""
        path = self._path(name, "trials", number, "note")
        return Trial(self._transport.call("PUT", path, {"note": text}))

    def label(self, name: str, labels: Mapping[str, str | None]) -> Experiment:
        """Set these labels and remove those that are None; others stay.

        As in label("digits", {"team": "vision", "draft": None}).
        """
        path = self._path(name, "labels")
        return self._seen(self._transport.call("PATCH", path, dict(labels)))

    def extend(self, name: str, **changes: Any) -> Experiment:
        """Change the budget, as in extend("digits", max_trials=50); an ended one continues."""
        return self._seen(self._transport.call("PATCH", self._path(name), changes))

    def delete(self, name: str) -> None:
        """End and delete the experiment. Raises `NotFound` if there is none."""
        self._transport.call("DELETE", self._path(name))

    def enqueue(
        self,
        name: str,
        trials: Sequence[Mapping[str, Any]],
        idempotency_key: str | None = None,
        note: str | None = None,
    ) -> list[Trial]:
        """Add trials with these hyperparameters, to run next; returns the trials.

        `note` says why. Raises `Reject` if they do not fit the search space, and `Conflict` if they
        do not fit the budget.
        """
        path, key = self._path(name, "trials"), _key(idempotency_key)
        body = {"trials": list(trials)} | ({} if note is None else {"note": note})
        answer = self._transport.call("POST", path, body, headers=key)
        return list(map(Trial, answer["trials"]))

    def ask(
        self,
        name: str,
        count: int = 1,
        lease_seconds: float = USUAL,
        idempotency_key: str | None = None,
    ) -> Asked:
        """Take up to `count` trials to run in this process; none if none can begin now.

        The experiment has to be for workers. After `lease_seconds` without a sign of life a trial
        is given to another. Raises `Conflict` if the experiment's trials are launched.
        """
        path, key = self._path(name, "trials", "ask"), _key(idempotency_key)
        body = {"count": count, "lease_seconds": lease_seconds}
        answer = self._transport.call("POST", path, body, headers=key)
        return asked(self, name, answer, lease_seconds)

    def objectives_of(self, name: str, uid: str | None = None) -> list[str]:
        """The metrics of the experiment's objectives, in the order of its request.

        They never change, so that the service is asked once for each `uid`.
        """
        known = self._objectives.get(uid) if uid is not None else None
        if known is None:
            known = metrics(self.experiment(name).spec)
            if uid is not None:
                self._objectives[uid] = known
        return known

    def sender(self, name: str, trial: Json) -> Callable[[str, Json], Any]:
        """A function that posts to a path below a trial that this process has, with its token."""
        headers = {"Authorization": f"Bearer {trial['token']}"}

        def send(path: str, body: Json) -> Any:
            where = self._path(name, "trials", trial["number"], path)
            return self._transport.call("POST", where, body, headers=headers)

        return send

    def import_trials(
        self, name: str, source: Any, count: bool = False, idempotency_key: str | None = None
    ) -> list[Trial]:
        """Add trials that were made elsewhere, with their values; returns them.

        `source` is a list of dicts, a DataFrame, a study of Optuna or Hyperopt's `Trials` (see
        `tunelet.interop.finished`). Trials without a result are left out. The algorithm learns from
        the others. They count to max_trials only with `count`. With the same key they are added
        only once. They are sent in groups of 500: raises `Reject` or `Conflict` for the first group
        that does not fit the search space or the budget.
        """
        from tunelet.interop.finished import finished

        trials = finished(source, self.experiment(name).spec).trials
        key, path = idempotency_key or uuid.uuid4().hex, self._path(name, "import")
        made: list[Trial] = []
        for start in range(0, len(trials), _GROUP):
            body = {"trials": trials[start : start + _GROUP], "count": count}
            headers = _key(f"{key}.{start}")
            answer = self._transport.call("POST", path, body, headers=headers)
            made += map(Trial, answer["trials"])
        return made

    def wait(
        self,
        name: str,
        callback: Callable[[Experiment], object] | None = None,
        timeout: float | None = None,
    ) -> Experiment:
        """The experiment once it has ended; raises TimeoutError after `timeout` seconds.

        `callback` is called with the experiment at first and whenever it has changed.
        """
        return until_ended(self, name, callback, timeout)

    def logs(
        self, name: str, number: int, attempt: int | None = None, offset: int = 0
    ) -> Iterator[bytes]:
        """The output of a trial so far, from byte `offset` on; of its newest attempt unless
        `attempt` is given. Raises `NotFound` before the attempt has started."""
        path = self._path(name, "trials", number, "logs")
        while True:
            range_ = {"Range": f"bytes={offset}-"} if offset else {}
            status, headers, chunks = self._transport.stream(path, {"attempt": attempt}, range_)
            # A service without ranges sends all output again, with 200.
            skip = offset if status == 200 else 0
            for chunk in chunks:
                if len(chunk) > skip:
                    yield chunk[skip:]
                    offset += len(chunk) - skip
                skip = max(0, skip - len(chunk))
            # The service sends long output in parts; the last one ends with "/*".
            if status != 206 or not headers.get("Content-Range", "").endswith("/*"):
                return

    def artifacts(self, name: str, number: int) -> Artifacts:
        """The files of a trial's checkpoint."""
        return Artifacts(self._transport, self._path(name, "trials", number), self._pages)

    def follow(self, name: str, number: int, attempt: int | None = None) -> Iterator[bytes]:
        """The output of a trial until it ends, with later attempts unless `attempt` is given."""
        return output(self, name, number, attempt)

    def login(self) -> Json:
        """Where to sign in: `issuer`, `client_id`, `scope`, `audience` and `token`.

        Raises `NotFound` if the service names no issuer.
        """
        return dict(self._transport.call("GET", "/api/login"))

    def whoami(self) -> Json:
        """Who this client is to the service: `name`, `groups` and `how`."""
        return dict(self._transport.call("GET", "/api/whoami"))

    def algorithms(self) -> list[Json]:
        """The service's algorithms: name, summary, installed, supports, settings."""
        answer = self._transport.call("GET", "/api/algorithms")
        return list(answer["algorithms"])

    def stopping_rules(self) -> list[Json]:
        """The rules that `early_stopping` may name, described like algorithms."""
        answer = self._transport.call("GET", "/api/algorithms")
        return list(answer["early_stopping"])

    def dead_letters(self, limit: int = 100) -> Iterator[Json]:
        """The events that could not be delivered, the newest first, fetched `limit` at a time."""
        return self._pages("/api/dead-letters", "dead_letters", {"limit": limit})

    def dead_letter(self, id_: str) -> Json:
        """One dead letter, with its data."""
        return dict(self._transport.call("GET", f"/api/dead-letters/{quote(id_, safe='')}"))

    def replay(self, id_: str) -> Json:
        """Deliver one dead letter again."""
        path = f"/api/dead-letters/{quote(id_, safe='')}/replay"
        return dict(self._transport.call("POST", path))

    def schema(self) -> Json:
        """The JSON Schema of a request."""
        return dict(self._transport.call("GET", "/api/schema"))

    def _pages(self, path: str, key: str, query: Mapping[str, object]) -> Iterator[Json]:
        while True:
            page = self._transport.call("GET", path, query=query)
            yield from page[key]
            if not page["next"]:
                return
            # Only the link's query: the service's own name may not be reachable from here.
            query = dict(parse_qsl(urlsplit(page["next"]).query))

    def _path(self, *parts: object) -> str:
        below = "".join(f"/{quote(str(part), safe='')}" for part in parts)
        return f"{self._root}/experiments{below}"

    def _seen(self, answer: Json) -> Experiment:
        return Experiment(answer, self)


def _key(given: str | None) -> dict[str, str]:
    return {"Idempotency-Key": given or uuid.uuid4().hex}
