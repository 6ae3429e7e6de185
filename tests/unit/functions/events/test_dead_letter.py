"""Dead letters: kept whatever is wrong with them, shown without keys, replayed as they came."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from adapters.events.cloudevents import STRUCTURED
from adapters.events.signature import Signature
from adapters.storage.memory import MemoryStore
from tests.unit.functions.conftest import SIGNATURE, World
from tunelet.dead_letters import LIMIT, DeadLetters
from tunelet.errors import Retry

EVENT = {
    "ce-specversion": "1.0",
    "ce-id": "7",
    "ce-source": "/pipeline",
    "ce-type": "dev.tunelet.trial.reported",
    "ce-subject": "default/digits/0/1",
    "content-type": "application/json",
}
OF_KNATIVE = {
    "ce-knativeerrordest": "http://tunelet-complete.tunelet.svc.cluster.local",
    "ce-knativeerrorcode": "422",
    "ce-knativeerrordata": b64encode(b"the event has no token").decode(),
    "ce-knativebrokerttl": "254",
    "ce-knativearrivaltime": "2026-11-26T00:00:00Z",
}


def bury(world: World, headers: Mapping[str, str] = EVENT, body: bytes = b'{"step": 1}') -> int:
    given = {**headers, **OF_KNATIVE}
    return world.client("deadletter").post("/", headers=given, data=body).status_code


def signed(subject: str, body: bytes, by: Signature = SIGNATURE) -> dict[str, str]:
    """An event of our own functions."""
    return by.signed({**EVENT, "ce-type": "dev.tunelet.run.changed", "ce-subject": subject}, body)


def owners(world: World) -> list[str]:
    """The namespaces of the letters, the newest first; empty for the operator's."""
    return [each["id"].partition(".")[2] for each in listed(world)]


def listed(world: World) -> list[dict[str, Any]]:
    letters: list[dict[str, Any]] = world.api.get("/api/dead-letters").json["dead_letters"]
    return letters


def test_an_undelivered_event_is_kept_with_its_fault(world: World) -> None:
    assert bury(world) == 204
    [letter] = listed(world)
    assert letter["event"] == {
        "id": "7",
        "source": "/pipeline",
        "type": "dev.tunelet.trial.reported",
        "subject": "default/digits/0/1",
    }
    assert letter["destination"] == OF_KNATIVE["ce-knativeerrordest"]
    assert (letter["status"], letter["answer"]) == (422, "the event has no token")
    one = world.api.get(f"/api/dead-letters/{letter['id']}").json
    assert one["data"] == {"step": 1}


def test_a_replayed_event_goes_to_the_broker_as_it_first_came_and_is_forgotten(
    world: World,
) -> None:
    bury(world)
    [letter] = listed(world)
    assert world.api.post(f"/api/dead-letters/{letter['id']}/replay").status_code == 200
    assert world.broker.repeated == [(EVENT, b'{"step": 1}')]
    assert listed(world) == []
    assert world.api.post(f"/api/dead-letters/{letter['id']}/replay").status_code == 404


def test_it_is_kept_until_the_broker_accepts_it(world: World) -> None:
    bury(world)
    [letter] = listed(world)
    world.broker.away = True
    assert world.api.post(f"/api/dead-letters/{letter['id']}/replay").status_code == 503
    assert listed(world) == [letter]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({**EVENT, "content-type": "application/json"}, b"{no json"),
        ({**EVENT, "ce-subject": "\x7f", "ce-specversion": "7"}, b"\xff\xfe"),
        ({"content-type": STRUCTURED}, b"[]"),
        ({"content-type": STRUCTURED}, b'{"id": 5, "data": {"step": 1}}'),
    ],
)
def test_it_is_accepted_with_any_fault(world: World, headers: dict[str, str], body: bytes) -> None:
    assert bury(world, headers, body) == 204
    [letter] = listed(world)
    assert world.api.get(f"/api/dead-letters/{letter['id']}").status_code == 200


def test_an_event_of_ours_makes_a_letter_of_the_namespace_that_it_is_about(world: World) -> None:
    assert bury(world, signed("other/digits/0", b"{}"), b"{}") == 204
    assert owners(world) == ["other"]


def test_a_report_makes_a_letter_of_its_trials_namespace(world: World) -> None:
    world.running(namespace="other")
    body = json.dumps({"token": world.token("digits", 0, "other"), "step": "x"}).encode()
    about = {**EVENT, "ce-subject": "other/digits/0/1"}
    whole = {"specversion": "1.0", "id": "7", "source": "/pipeline", "type": EVENT["ce-type"]}
    structured = {**whole, "subject": "other/digits/0/1", "data": json.loads(body)}
    assert bury(world, about, body) == 204
    assert bury(world, {"content-type": STRUCTURED}, json.dumps(structured).encode()) == 204
    assert owners(world) == ["other", "other"]


def test_any_other_event_makes_a_letter_of_the_operator(world: World) -> None:
    """Whatever it says: a trial reaches this function through Knative's gateway."""
    for namespace in ("other", "mine"):
        world.running(namespace=namespace)
    mine = json.dumps({"token": world.token("digits", 0, "mine"), "step": 1}).encode()
    genuine = signed("mine/digits", b"{}")
    forged = [
        ({**EVENT, "ce-subject": "other/digits/0/1"}, b'{"step": 1}'),
        ({**EVENT, "ce-subject": "other/digits/0/1"}, mine),
        ({**EVENT, "ce-subject": "other/absent/0/1"}, mine),
        ({**EVENT, "ce-subject": "mine/digits/1/1"}, mine),
        ({**EVENT, "ce-subject": "mine/digits/0/1", "ce-type": "dev.tunelet.run.changed"}, mine),
        (signed("other/digits", b"{}", Signature(b"another secret of 16")), b"{}"),
        (signed("other/digits", b"{}", Signature()), b"{}"),
        ({**genuine, "ce-subject": "other/digits"}, b"{}"),
        ({**genuine, "ce-type": "dev.tunelet.run.ending"}, b"{}"),
        ({**genuine, "ce-id": "8"}, b"{}"),
        ({**genuine, "ce-source": "/elsewhere"}, b"{}"),
        (genuine, b'{"x": 1}'),
        ({**genuine, "ce-tuneletsignature": ""}, b"{}"),
        ({**genuine, "ce-tuneletsignature": "\xe4"}, b"{}"),
    ]
    for headers, body in forged:
        assert bury(world, headers, body) == 204
        assert owners(world)[0] == "", (headers, body)


def test_a_replayed_event_of_ours_makes_no_second_letter(world: World) -> None:
    for number in range(3):
        assert bury(world, {**signed("other/digits", b"{}"), "ce-more": str(number)}, b"{}") == 204
    assert owners(world) == ["other"]
    bury(world, signed("other/else", b"{}"), b"{}")
    assert owners(world) == ["other", "other"]


class Simultaneous(MemoryStore):
    """Two calls list after both have written, and before either removes anything."""

    def __init__(self) -> None:
        super().__init__()
        self.both = Barrier(2)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        self.both.wait(timeout=60)
        keys = list(super().list(prefix, after, limit))
        self.both.wait(timeout=60)
        return iter(keys)


def test_an_event_that_comes_twice_at_once_leaves_the_newest_letter() -> None:
    store = Simultaneous()
    with ThreadPoolExecutor(2) as threads:
        kept = list(threads.map(lambda at: DeadLetters(store, lambda: at).keep(EVENT, b""), (1, 2)))
    assert store.get(f"dead/{kept[0].id}") is None
    assert store.get(f"dead/{kept[1].id}") is not None


def test_an_event_about_a_damaged_log_is_kept_for_the_operator(world: World) -> None:
    world.running()
    body = json.dumps({"token": world.token("digits", 0), "step": 1}).encode()
    world.store.put("v1/default/digits/journal/00000000000000000001.json", b"{}")
    assert bury(world.restarted(), EVENT, body) == 204
    assert owners(world) == [""]


def test_what_a_tenant_wrote_into_its_store_is_no_letter_of_another(world: World) -> None:
    bury(world)
    for number, written in enumerate(
        (
            b'{"id":"999999999999999-0123456789abcdef.audio","at":1.0,"headers":{},"body":""}',
            b"[" * 100_000,
            b'{"id":"\xff"}',
            b"{}",
        )
    ):
        world.store.put(f"dead/{number:015d}-0123456789abcdef.vision", written)
        world.store.put(f"dead/{number}.vision", written)
    assert owners(world) == ["vision", ""]
    assert (
        world.api.get("/api/dead-letters/000000000000001-0123456789abcdef.vision").status_code
        == 404
    )


def test_a_replay_sends_no_header_that_a_tenant_wrote_into_its_store(world: World) -> None:
    """The broker's server may belong to others, too: a length of its own would begin a request."""
    headers = {**EVENT, "host": "other", "content-length": "1", "ce-x": "a\r\nhost: other"}
    letter = "999999999999999-0123456789abcdef.vision"
    whole = {"id": letter, "at": 1.0, "headers": headers, "body": ""}
    world.store.put(f"dead/{letter}", json.dumps(whole).encode())
    assert world.api.post(f"/api/dead-letters/{letter}/replay").status_code == 200
    assert world.broker.repeated == [(EVENT, b"")]


def test_a_structured_event_is_shown_as_any_other(world: World) -> None:
    body = b'{"id": "7", "source": "/x", "type": "t", "subject": "a/b", "data": {"step": 1}}'
    bury(world, {"content-type": STRUCTURED}, body)
    [letter] = listed(world)
    assert letter["event"] == {"id": "7", "source": "/x", "type": "t", "subject": "a/b"}
    assert world.api.get(f"/api/dead-letters/{letter['id']}").json["data"] == {"step": 1}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (EVENT, b'{"token": "a key", "step": 1}'),
        (EVENT, b'{"token" : "a key", "step": NaN}'),
        ({"content-type": STRUCTURED}, b'{"id": "7", "data": {"token": "a key"}}'),
    ],
)
def test_the_token_of_a_trial_is_not_shown_but_replayed(
    world: World, headers: dict[str, str], body: bytes
) -> None:
    bury(world, headers, body)
    [letter] = listed(world)
    shown = world.api.get(f"/api/dead-letters/{letter['id']}").text
    assert "a key" not in shown
    assert "(not shown)" in shown
    world.api.post(f"/api/dead-letters/{letter['id']}/replay")
    assert world.broker.repeated == [(headers, body)]


def test_an_invalid_event_is_not_kept(world: World) -> None:
    sink = world.client("deadletter")
    assert sink.post("/", json={"hello": 1}).status_code == 422
    assert sink.get("/").status_code == 405
    assert listed(world) == []


def test_a_store_that_is_away_has_the_broker_try_again(world: World) -> None:
    world.store.fault = Retry("the store is away")
    world.store.put = _away  # type: ignore[method-assign]
    assert bury(world) == 503


def _away(key: str, data: bytes) -> None:
    raise Retry("the store is away")


def test_the_newest_come_first_and_page_by_page(world: World) -> None:
    clock = iter(range(1, 100))
    letters = DeadLetters(world.store, lambda: float(next(clock)))
    kept = [letters.keep({**EVENT, "ce-id": str(n)}, b"").id for n in range(5)]
    seen, link = [], "/api/dead-letters?limit=2"
    while link:
        page = world.api.get(link).json
        seen += [letter["id"] for letter in page["dead_letters"]]
        link = page["next"]
    assert seen == kept[::-1]


def test_the_oldest_are_forgotten_where_they_are_too_many() -> None:
    store, clock = MemoryStore(), iter(range(1, 10_000))
    letters = DeadLetters(store, lambda: float(next(clock)))
    kept = [letters.keep(EVENT, str(n).encode()).id for n in range(LIMIT + 3)]
    assert [key.removeprefix("dead/") for key in store.list("dead/")] == kept[:2:-1]


def test_a_flood_of_one_namespace_removes_no_dead_letter_of_another(world: World) -> None:
    for body in (b"a", b"b"):
        bury(world, signed("other/digits/0/1", body), body)
    bury(world, {**EVENT, "ce-subject": "/apis/batch/v1/namespaces/x/jobs/y"})
    for number in range(LIMIT + 5):
        body = str(number).encode()
        bury(world, signed("flood/digits/0/1", body), body)
    subjects = [key.partition(".")[2] for key in world.store.list("dead/")]
    assert len(subjects) == LIMIT
    assert [subjects.count(name) for name in ("other", "", "flood")] == [2, 1, LIMIT - 3]
    [*_, oldest] = world.store.list("dead/")
    assert world.api.get(f"/api/dead-letters/{oldest.removeprefix('dead/')}").status_code == 200


def test_a_dead_letter_of_an_older_version_is_shown(world: World) -> None:
    older = "999999999999999-0123456789abcdef"
    world.store.put(
        f"dead/{older}", b'{"id":"%s","at":1.0,"headers":{},"body":""}' % older.encode()
    )
    assert world.api.get(f"/api/dead-letters/{older}").status_code == 200
    assert [letter["id"] for letter in listed(world)] == [older]


def test_an_absent_dead_letter_is_not_found(world: World) -> None:
    for name in ("x", "0" * 15 + "-" + "0" * 16, "..%2Fv1"):
        assert world.api.get(f"/api/dead-letters/{name}").status_code == 404
