"""Two versions of the code at once: the older one leaves unknown entries alone."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from adapters.storage.memory import MemoryStore
from tests.specs import SPEC
from tests.unit.functions.conftest import World
from tunelet.core import commands as c
from tunelet.core.trial import Outcome, Verdict
from tunelet.log.compaction import WINDOW
from tunelet.log.entry import FORMAT, Newer, decode, encode
from tunelet.log.inbox import Inbox, Order
from tunelet.log.journal import Journal
from tunelet.log.reader import entry_key
from tunelet.ports import Store

SEQ = 2
PATH = "v1/default/e/"


def of_a_newer_format(data: bytes) -> bytes:
    entry, _ = decode(data, SEQ)
    return encode(msgspec.structs.replace(entry, format=FORMAT + 1))[0]


def with_a_new_member(data: bytes) -> bytes:
    """An event has a member, and the checksum is that of a newer version's writer."""
    entry, _ = decode(data, SEQ)
    tree = msgspec.to_builtins(entry)
    tree["events"][0]["mood"] = "good"
    return encode(tree)[0]


@pytest.fixture(params=[of_a_newer_format, with_a_new_member])
def world(request: pytest.FixtureRequest) -> World:
    """Two experiments with running trials; a newer version has written into the log of one."""
    world = World()
    world.running(name="known", max_trials=3)
    world.running(name="newer", max_trials=3)
    rewrite(world.store, entry_key("v1/default/newer/", SEQ), request.param)
    return world.restarted()


def rewrite(store: Store, key: str, change: Callable[[bytes], bytes]) -> None:
    stored = store.get(key)
    assert stored is not None
    store.put(key, change(stored.data))


def test_its_runs_go_on_and_the_others_are_looked_after(world: World) -> None:
    before = world.launcher.running()
    assert {run.experiment for run in before} == {"known", "newer"}
    assert world.service.sweep() == 2
    assert world.launcher.running() == before


def test_a_caller_is_asked_to_upgrade_and_to_try_again(world: World) -> None:
    with pytest.raises(Newer, match="upgrade"):
        world.service.stop("default", "newer")
    answer = world.api.get("/api/experiments/newer")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "upgrade" in json.loads(answer.data)["detail"]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def log(store: MemoryStore) -> Journal:
    """With a trial that runs."""
    log = Journal(store, "default", "e")
    log.commit(c.Submit("u", SPEC), c.AddTrials(0, ({"x": 1},)), c.Start(0, 1))
    return log


def test_an_inbox_batch_with_a_new_member_is_left_to_its_writer(
    store: MemoryStore, log: Journal
) -> None:
    inbox = Inbox(store, PATH)
    batch = inbox.new()
    inbox.put(batch, [Order("u", (c.Record(0, 1, ()),))])

    def newer(data: bytes) -> bytes:
        tree: dict[str, Any] = json.loads(data)
        (order,) = tree["orders"]
        order["commands"][0]["reports"] = [{"step": 1, "values": {"loss": 1.0}, "mood": "good"}]
        return json.dumps(tree).encode()

    rewrite(store, f"{PATH}inbox/{batch}.json", newer)
    assert inbox.open([batch]) == {batch: ()}
    for _ in range(WINDOW):
        log.commit(c.Pause())
        log.commit(c.Resume(log.read().epoch))
    assert not log.read().trials[0].reports


def test_a_snapshot_with_a_new_member_is_passed_over(store: MemoryStore, log: Journal) -> None:
    for _ in range(WINDOW):
        log.commit(c.Pause())
        log.commit(c.Resume(log.read().epoch))
    known = log.read()
    keys = list(store.list(f"{PATH}snapshots/"))
    assert keys

    def newer(data: bytes) -> bytes:
        tree: dict[str, Any] = json.loads(data)
        # What a number means may depend on what is not known here.
        tree["experiment"] |= {"mood": "good", "next_number": 7}
        return json.dumps(tree).encode()

    for key in keys:
        rewrite(store, key, newer)
    assert Journal(store, "default", "e").read() == known


@pytest.mark.parametrize("member", ["next_number", "terms.max_cost", "ended.complete"])
def test_a_snapshot_that_lacks_a_member_is_passed_over(
    store: MemoryStore, log: Journal, member: str
) -> None:
    """An older version wrote it, which did not fold the member."""
    outcome = Outcome(Verdict.COMPLETE, {"objective": 1.0})
    log.commit(c.Extend({"max_cost": 9.0}), c.Finish(0, 1, outcome))
    for _ in range(WINDOW):
        log.commit(c.Pause())
        log.commit(c.Resume(log.read().epoch))
    known = log.read()

    def older(data: bytes) -> bytes:
        tree: dict[str, Any] = json.loads(data)
        *path, name = member.split(".")
        part = tree["experiment"]
        for each in path:
            part = part[each]
        del part[name]
        return json.dumps(tree).encode()

    keys = list(store.list(f"{PATH}snapshots/"))
    assert keys
    for key in keys:
        rewrite(store, key, older)
    assert Journal(store, "default", "e").read() == known
