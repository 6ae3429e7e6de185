"""Terraform's rights on the store allow what the functions ask of it."""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import pytest

from functions.wiring import FUNCTIONS
from tests.unit.functions.conftest import FragileStore, World
from tests.unit.functions.events.test_dead_letter import bury, signed
from tests.unit.functions.events.test_handlers import HERE, send, tell
from tunelet.core.run import Run
from tunelet.core.signal import COLLECT, LAUNCH, SUGGEST
from tunelet.dead_letters import LIMIT
from tunelet.log.keys import trial_prefix
from tunelet.log.reader import entry_key
from tunelet.log.tenant_stores import TenantStores
from tunelet.ports import Stored

ROOT = Path(__file__).resolve().parents[3]
RIGHTS = (ROOT / "infra/terraform/modules/identities/main.tf").read_text()

Call = tuple[str, str]
"""A verb (read, write, delete) and a key, or list and a prefix of keys."""


class RecordingStore(FragileStore):
    """Remembers each request, by the verb that it needs."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: set[Call] = set()

    def get(self, key: str) -> Stored | None:
        stored = super().get(key)
        self.calls.add(("read", key))
        if stored is None:
            # Without this right S3 answers 403 for an absent object.
            self.calls.add(("list", key))
        return stored

    def _write(self, key: str, data: bytes) -> bool:
        self.calls.add(("write", key))
        return super()._write(key, data)

    def delete(self, key: str) -> None:
        self.calls.add(("delete", key))
        super().delete(key)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        self.calls.add(("list", prefix))
        return super().list(prefix, after, limit)


def allowed(function: str) -> set[Call]:
    """Verbs and patterns of keys that modules/identities gives to a function's account."""
    words = {
        f"local.{name}": set(re.findall(r'"([^"]+)"', values))
        for name, values in re.findall(r"^  (\w+)\s+= \[(\".+)\]$", RIGHTS, re.M)
    }
    words["concat(local.log_keys, local.dead_keys)"] = words["local.log_keys"] | {"dead/*"}
    named = dict(re.findall(r"^  (log_rights|full_rights)\s+= \[(.+)\]$", RIGHTS, re.M))
    given = re.search(
        rf"^      tunelet-{function}\s+= (?:local\.(\w+)|\[(.+?)\n      \])", RIGHTS, re.M | re.S
    )
    assert given is not None, function
    rights = re.findall(r"verbs = (.+?), keys = (.+?) \}", given[2] or named[given[1]])
    granted = {
        (verb, key)
        for verbs, keys in rights
        for key in words.get(keys) or re.findall(r'"([^"]+)"', keys)
        for verb in words.get(verbs) or re.findall(r'"([^"]+)"', verbs)
    }
    return granted | {("list", key) for _, key in granted}


def matches(call: Call, right: Call) -> bool:
    return call[0] == right[0] and fnmatchcase(call[1], right[1])


def refused(function: str, calls: set[Call]) -> set[Call]:
    rights = allowed(function)
    return {call for call in calls if not any(matches(call, right) for right in rights)}


def _api(world: World) -> None:
    bury(world)
    [letter] = world.api.get("/api/dead-letters").json["dead_letters"]
    world.api.post(f"/api/dead-letters/{letter['id']}/replay")
    world.running()
    world.api.get("/api/experiments")
    world.api.delete("/api/experiments/digits")


def _step(function: str, topic: str, world: World) -> None:
    world.running()
    send(world.client(function), HERE._replace(topic=topic))


def _sweep(world: World) -> None:
    world.running()
    world.service.delete("default", world.running(name="deleted"))
    assert tell(world.client("sweep"), "dev.knative.sources.ping", "", {}).status_code == 204


def _deadletter(world: World) -> None:
    for number in range(LIMIT + 2):
        world.store.put(f"dead/{number:015d}-{number:016x}.default", b"{}")
    _recorded(world).clear()
    assert bury(world, signed("default/digits/0", b"{}"), b"{}") == 204


class OwnStore(TenantStores):
    """The namespace `default` has a store of its own, which remembers each request."""

    def __init__(self) -> None:
        self.tenant = RecordingStore()
        super().__init__(FragileStore(), {"default": self.tenant})


def _recorded(world: World) -> set[Call]:
    store = world.store
    recording = store.tenant if isinstance(store, OwnStore) else store
    assert isinstance(recording, RecordingStore)
    return recording.calls


WORK: dict[str, Callable[[World], None]] = {
    "api": _api,
    "suggest": partial(_step, "suggest", SUGGEST),
    "launch": partial(_step, "launch", LAUNCH),
    "complete": partial(_step, "complete", COLLECT),
    "sweep": _sweep,
    "deadletter": _deadletter,
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_it_does(function: str) -> None:
    world = World(RecordingStore())
    WORK[function](world)
    assert world.client(function).get("/api/ready").status_code == 200
    assert len(_recorded(world)) > 1
    assert refused(function, _recorded(world)) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_in_a_tenants_own_bucket_what_it_does_there(function: str) -> None:
    """Terraform gives it the rights there that it has in the shared one."""
    world = World(OwnStore())  # type: ignore[arg-type]
    WORK[function](world)
    assert len(_recorded(world)) > 1
    assert refused(function, _recorded(world)) == set()


def test_deadletter_has_no_right_that_it_does_not_use() -> None:
    world = World(RecordingStore())
    _deadletter(world)
    world.client("deadletter").get("/api/ready")
    calls = _recorded(world)
    assert [
        right for right in allowed("deadletter") if not any(matches(call, right) for call in calls)
    ] == []


def test_a_trial_may_write_its_checkpoint_and_nothing_of_the_log_or_of_another_tenant() -> None:
    [pattern] = re.findall(r'keys = \["(v1/\$\{tenant\}/.+)"\]', RIGHTS)
    own = pattern.replace("${tenant}", "team-a")
    prefix = trial_prefix(Run("team-a", "digits", "5f0c", 7, 1))
    for name in ("/model.pt", "/epochs/1/model.pt", "-1b2c3d4e/model.pt"):
        assert fnmatchcase(prefix + name, own)
    foreign = trial_prefix(Run("team-b", "digits", "5f0c", 7, 1))
    entry = entry_key("v1/team-a/digits/", 1)
    for key in (f"{foreign}/model.pt", f"{prefix}.1.lease", f"{prefix}.place", entry):
        assert not fnmatchcase(key, own), key


def test_a_call_outside_the_rights_is_refused() -> None:
    assert refused("deadletter", {("read", "dead/1"), ("write", "v1/ready")})
    assert refused("suggest", {("read", "dead/1")})
    assert refused("sweep", {("write", "other/1")})
