"""The metrics of a namespace are its own, and those of the installation the operator's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from functions.identity.gate import Gate
from functions.identity.rights import EVERYWHERE
from functions.identity.roles import Grant, Role, Roles
from tests.unit.functions.conftest import FragileStore, World
from tests.unit.functions.hosting.test_dispatcher import until
from tests.unit.functions.identity.test_routes import EVENT, known
from tunelet.core.quotas import UNLIMITED, Quota, Quotas
from tunelet.dead_letters import DeadLetters
from tunelet.engine.allowance import Allowance
from tunelet.engine.usage import KEPT_SECONDS, UsageReader
from tunelet.errors import Retry
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Markers

OWN = "own"


def figures(api: Client, namespace: str = OWN, bearer: str = "viewer") -> dict[str, float]:
    """The samples, by name and the value of their label."""
    path = f"/api/namespaces/{namespace}/metrics"
    answer = api.get(path, headers={"Authorization": f"Bearer {bearer}"})
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/plain"
    return {
        " ".join(
            [sample.name.removeprefix("tunelet_namespace_"), *sample.labels.values()]
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def world() -> World:
    quota = Quota(experiments=10, live_trials=7, stored_bytes=1_000_000)
    return World(quotas=Quotas(Quota(), {OWN: quota}))


def test_a_namespace_sees_what_it_has_and_uses(world: World) -> None:
    world.running(namespace=OWN, name="a", parallel_trials=2)
    world.running(namespace=OWN, name="b", parallel_trials=1)
    world.service.stop(OWN, "b")
    for namespace in (OWN, "other"):
        event = {**EVENT, "ce-subject": f"{namespace}/a"}
        world.service.dead.keep(event, b"", namespace=namespace)
    # A process adds up the bytes of a namespace once in some minutes.
    found = figures(World(world.store, quotas=world.quotas).api)
    stored = found.pop("quota_used stored_bytes")
    assert 0 < stored < 1_000_000
    assert found == {
        "experiments": 2,
        "live_experiments RUNNING": 1,
        "live_experiments STOPPED": 1,
        "trials complete": 0,
        "trials failed": 0,
        "trials pruned": 0,
        "trials running": 2,
        "trials stopped": 1,
        "trials waiting": 0,
        "unread_experiments": 0,
        "dead_letters": 1,
        "quota_used experiments": 2,
        "quota_used live_trials": 2,
        "quota_limit experiments": 10,
        "quota_limit live_trials": 7,
        "quota_limit stored_bytes": 1_000_000,
    }


def test_nothing_of_another_namespace_is_in_them(world: World) -> None:
    before = figures(world.api)
    world.running(namespace="other", name="a")
    world.service.dead.keep({**EVENT, "ce-subject": "other/a"}, b"", namespace="other")
    fresh = World(world.store, quotas=world.quotas)
    assert figures(fresh.api) == before
    found = figures(fresh.api, "other")
    assert (found["experiments"], found["dead_letters"]) == (1, 1)
    assert "quota_limit experiments" not in found


def test_dead_letters_are_shown_to_those_who_may_list_them(world: World) -> None:
    class NoLetters(Roles):
        def allows(self, actor: Any, verb: Any, namespace: str, resource: Any) -> bool:
            return resource != "deadletters" and super().allows(actor, verb, namespace, resource)

    gate = Gate(known, NoLetters([Grant(Role.ADMIN, [OWN], actors=["viewer"])]))
    assert "dead_letters" not in figures(world.client("api", gate))


def test_a_reading_reads_a_bounded_number_of_logs_and_is_kept_for_a_while(world: World) -> None:
    time = [0.0]
    for name in "abcd":
        world.running(namespace=OWN, name=name, parallel_trials=1)
    journals = Journals(world.store, lambda: 0.0)
    markers, dead = Markers(world.store, lambda: 0.0), DeadLetters(world.store)
    allowance = Allowance(UNLIMITED, world.store, markers)
    reader = UsageReader(journals, markers, dead, allowance, lambda: time[0], most=3)
    found = reader.of(OWN)
    assert (found.live, found.unread, found.experiments) == ({"RUNNING": 3}, 1, 4)
    time[0] += KEPT_SECONDS - 1
    assert reader.of(OWN) is found
    time[0] += 1
    assert reader.of(OWN) is not found


class Held(FragileStore):
    """Counts the listings of experiments, and holds them back until `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.listings = 0
        self.asked, self.go = Event(), Event()
        self.fault: Retry | None = None

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        if prefix == f"index/{OWN}/":
            self.listings += 1
            self.asked.set()
            assert self.go.wait(30)
            if self.fault is not None:
                raise self.fault
        return super().list(prefix, after, limit)


def waiting(reader: UsageReader) -> int:
    """How many calls wait for the reading in progress."""
    reading = reader._kept.get(OWN)
    return len(reading.usage._condition._waiters) if reading else 0  # type: ignore[attr-defined]


def test_calls_at_a_time_share_one_reading_and_its_fault() -> None:
    store = Held()
    reader = World(store).service.usage
    for fault in (Retry("the store is away"), None):
        store.fault, store.listings = fault, 0
        store.asked.clear()
        store.go.clear()
        with ThreadPoolExecutor(4) as threads:
            first = threads.submit(reader.of, OWN)
            assert store.asked.wait(30)
            others = [threads.submit(reader.of, OWN) for _ in range(3)]
            until(lambda: store.listings > 1 or waiting(reader) == 3)
            store.go.set()
            found = {id(each.exception() or each.result()) for each in (first, *others)}
        assert (len(found), store.listings) == (1, 1)


def test_a_damaged_log_is_counted_as_such(world: World) -> None:
    world.running(namespace=OWN, name="a")
    world.store.put(f"v1/{OWN}/a/journal/00000000000000000001.json", b"{}")
    assert figures(World(world.store).api)["live_experiments DAMAGED"] == 1


GRANTS = [
    Grant(Role.VIEWER, [EVERYWHERE], actors=["viewer"]),
    Grant(Role.ADMIN, [OWN], actors=["admin"]),
]


@pytest.mark.parametrize(
    ("bearer", "status"), [(None, 401), ("nonsense", 401), ("admin", 403), ("viewer", 200)]
)
def test_the_installations_metrics_need_the_right_to_list_all_namespaces(
    world: World, bearer: str | None, status: int
) -> None:
    api = world.client("api", Gate(known, Roles(GRANTS)))
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    answer = api.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("tunelet_request_seconds" in answer.text) == (status == 200)
    if status == 403:
        assert answer.json["errors"][0]["remedy"]  # type: ignore[index]


def test_a_setting_opens_the_installations_metrics(world: World) -> None:
    api = world.client("api", Gate(known, Roles(GRANTS), open_metrics=True))
    assert api.get("/metrics").status_code == 200
    assert api.get("/api/experiments").status_code == 401


def test_without_identities_all_metrics_are_open(world: World) -> None:
    assert world.api.get("/metrics").status_code == 200
    assert world.api.get("/api/metrics").status_code == 200
