"""A client in the service's own process gets the same as one over HTTP."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from werkzeug.test import Client as Caller
from werkzeug.wrappers import Request, Response

from adapters.storage.memory import MemoryStore
from functions.events.outbox import Nowhere, Outbox
from functions.hosting import near
from functions.hosting.near import Near
from functions.wiring import function
from tests.faults.test_two_installations import REQUEST, Installed
from tests.faults.world import Fault
from tunelet.client import silence
from tunelet.client.client import Client
from tunelet.client.encoding import encoded
from tunelet.client.problem import failure
from tunelet.errors import CommitUnknown, NotFound, Reject, Retry, TuneletError


class Http:
    """The same service by its HTTP API, without a socket."""

    url = "http"

    def __init__(self, installed: Installed) -> None:
        api = function("api", installed.service, Outbox(Nowhere()), 1 << 20)
        self._caller = Caller(Request.application(api), Response)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        given = {} if body is None else {"data": encoded(body), "content_type": "application/json"}
        answer = self._sent(method, path, query or {}, headers or {}, **given)
        return answer.get_json() if answer.get_data() else None

    def stream(
        self, path: str, query: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], Iterator[bytes]]:
        answer = self._sent("GET", path, query, headers)
        return answer.status_code, dict(answer.headers), iter(answer.iter_encoded())

    def _sent(self, method: str, path: str, query: Any, headers: Any, **more: Any) -> Any:
        known = {name: str(value) for name, value in query.items() if value is not None}
        request = {"method": method, "query_string": known, "headers": dict(headers), **more}
        answer = self._caller.open(path, **request)
        if answer.status_code >= 300:
            raise failure(self.url, answer.status_code, answer.get_data())
        return answer


@pytest.fixture
def installed() -> Installed:
    one = Installed(MemoryStore(), "one", places=4)
    for name in ("a", "b", "c"):
        one.service.submit(REQUEST | {"name": name, "enqueue": [{"x": 0.5}]})
    one.settles()
    one.trains()
    one.trains()
    return one


@pytest.fixture
def clients(installed: Installed) -> tuple[Client, Client]:
    return Client.over(Near(installed.service)), Client.over(Http(installed))


READS: list[Callable[[Client], object]] = [
    lambda c: [each.json for each in c.experiments()],
    lambda c: [each.json for each in c.experiments(limit=1)],
    lambda c: [each.json for each in c.experiments("running")],
    lambda c: [each.json for each in c.experiments("PAUSED")],
    lambda c: c.experiment("a").json,
    lambda c: list(c.trials("a")),
    lambda c: list(c.trials("a", limit=1)),
    lambda c: list(c.trials("a", after=0, limit=2)),
    lambda c: list(c.trials("a", "NO-STATE")),
    lambda c: list(c.some_trials("a", [1, 0, 99])),
    lambda c: list(c.some_trials("no-such", [0])),
    lambda c: list(c.trials("no-such")),
    lambda c: list(c.columns("a")),
    lambda c: list(c.columns("no-such")),
    lambda c: c.trial("a", 0),
    lambda c: c.trial("a", 99),
    lambda c: c.best("a"),
    lambda c: c.experiment("no-such"),
    lambda c: c.experiment("Not A Name"),
    lambda c: b"".join(c.logs("a", 0)),
    lambda c: b"".join(c.logs("a", 0, 1, 3)),
    lambda c: b"".join(c.logs("a", 0, 7, 3)),
    lambda c: b"".join(c.logs("a", 99)),
    lambda c: c.resume("no-such"),
    lambda c: c.extend("a", max_trials=0),
    lambda c: c.enqueue("a", [{"x": 7}]),
    lambda c: [t | {"created_at": ""} for t in c.enqueue("a", [{"x": 0.1}], "key", "why")],
    lambda c: c.submit({"name": "z"}),
    lambda c: c.submit(REQUEST | {"name": "a"}),
    lambda c: c.submit(REQUEST | {"name": object()}),
    lambda c: c.submit(REQUEST | {"max_seconds": float("nan")}),
]


def seen(read: Callable[[Client], object], client: Client) -> object:
    """The client's result: an answer, or an error with its fields."""
    try:
        return read(client)
    except TuneletError as fault:
        fields = [error.field for error in fault.errors] if isinstance(fault, Reject) else []
        return type(fault), fields or str(fault)


@pytest.mark.parametrize("read", READS)
def test_answers_and_errors_are_those_of_the_api(
    read: Callable[[Client], object], clients: tuple[Client, Client]
) -> None:
    here, http = clients
    assert seen(read, here) == seen(read, http)


def test_changes_are_made(clients: tuple[Client, Client]) -> None:
    here, http = clients
    assert here.pause("a").state == http.experiment("a").state == "PAUSED"
    assert here.resume("a").state == "RUNNING"
    assert here.extend("a", max_trials=40).json["spec"]["max_trials"] == 40
    assert here.enqueue("a", [{"x": 0.25}])[0]["hyperparameters"] == {"x": 0.25}
    assert here.stop("a").state == "STOPPED"
    here.delete("a")
    with pytest.raises(NotFound, match="default/a"):
        http.experiment("a")


def test_a_refusal_has_a_note_for_each_field(clients: tuple[Client, Client]) -> None:
    with pytest.raises(Reject) as refused:
        clients[0].submit(REQUEST | {"max_trials": 0, "parallel_trials": -1})
    assert len(refused.value.__notes__) == 2


def test_calls_that_need_a_service_are_refused(clients: tuple[Client, Client]) -> None:
    with pytest.raises(Reject, match="tunelet up"):
        clients[0].algorithms()


def test_a_request_is_repeated_with_its_key_while_the_store_is_away() -> None:
    plan = dict.fromkeys(range(3, 60, 9), Fault.LOSE_ANSWER)
    installed = Installed(MemoryStore(), "one", plan=plan)
    client = Client.over(Near(installed.service))
    assert client.submit(REQUEST).name == "e"
    assert [each.name for each in client.experiments()] == ["e"]


def test_a_store_that_stays_away_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "AWAY", 0.0)
    installed = Installed(MemoryStore(), "one", plan=dict.fromkeys(range(99), Fault.REFUSE))
    with pytest.raises(Retry, match="did nothing"):
        Client.over(Near(installed.service)).experiment("e")


def test_a_store_that_has_never_answered_is_not_waited_for() -> None:
    asked = []

    class Away:
        def experiment(self, *of: str) -> None:
            asked.append(of)
            raise Retry("away") if len(asked) == 1 else NotFound("asked again")

    with pytest.raises(Retry, match="away"):
        Client.over(Near(Away(), begun=lambda: False)).experiment("e")  # type: ignore[arg-type]


def test_a_call_that_waits_for_the_store_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(silence, "_AFTER", 0.0)
    installed = Installed(MemoryStore(), "one", plan=dict.fromkeys(range(2), Fault.REFUSE))
    with pytest.raises(NotFound):
        Client.over(Near(installed.service)).experiment("e")
    assert [each.message for each in caplog.records if each.name == "tunelet.client"] == [
        "list did nothing; trying again for up to 60 s"
    ]


def test_a_process_that_joins_waits_for_the_many_that_join_as_well() -> None:
    class Crowded:
        calls = 0

        def join(self, namespace: str, name: str) -> str:
            self.calls += 1
            if self.calls < 3:
                raise CommitUnknown("too many writers contend for this experiment")
            return f"{namespace}/{name}"

    assert Near(Crowded()).join("default", "digits") == "default/digits"  # type: ignore[arg-type, comparison-overlap]
