"""A tenant's own store is away, or refuses: only that tenant's experiments wait."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

import algorithms
from adapters.launchers.memory import MemoryLauncher
from adapters.storage.memory import MemoryStore
from adapters.storage.wrapper import Kind, StoreWrapper
from functions.events.outbox import Nowhere
from tunelet.assembly import assembled
from tunelet.core.installation import Installation
from tunelet.core.run import Launch, Observation, Phase, Run
from tunelet.errors import Reject, Retry, TuneletError, Unavailable
from tunelet.log.arming import HELD
from tunelet.log.entry import Damaged
from tunelet.log.tenant_stores import AWAY_SECONDS, LONGEST_AWAY_SECONDS, TenantStores
from tunelet.ports import Armed
from tunelet.service import Service

T = TypeVar("T")

REQUEST = {
    "model_training_code": "image",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
    "max_trials": 4,
    "parallel_trials": 2,
}
LEASE = "installations/here"
FAULTS = (Retry("no answer"), Unavailable("no answer"), Reject("403"), RuntimeError("a bug"))


class Own(StoreWrapper):
    """A tenant's store, which raises `fault` if there is one."""

    fault: Exception | None = None

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.url = "memory://vision"
        self.asked = 0

    def request(self, kind: Kind, send: Callable[[], T]) -> T:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return send()

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        return self.request("get", lambda: self.inner.list(prefix, after, limit))


class Launcher(MemoryLauncher):
    """Notes which runs were stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped: list[Run] = []

    def stop(self, run: Run) -> None:
        self.stopped.append(run)
        self.observed[run] = Observation(Phase.ABSENT)


class Timetable:
    """A schedule in memory, armed long ago."""

    def __init__(self) -> None:
        self.active = True

    def arm(self, now: float) -> None:
        self.active = True

    def look(self) -> Armed:
        return Armed(self.active, "1", 0.0)

    def disarm(self, seen: Armed) -> bool:
        self.active = False
        return True


class House:
    """Two tenants, of which vision has a store of its own; each call is by a new process."""

    def __init__(self) -> None:
        self.shared, self.own = MemoryStore(), Own()
        self.stores: dict[str, Own] = {"vision": self.own}
        self.launcher, self.schedule, self.now = Launcher(), Timetable(), 10 * HELD

    def process(self) -> Service:
        return assembled(
            TenantStores(self.shared, self.stores, lambda: self.now),
            *(self.launcher, algorithms.load_catalog(), Nowhere()),
            secret=bytes(16),
            api_url="http://localhost",
            installation=Installation("here"),
            schedule=self.schedule,
            clock=lambda: self.now,
            sleep=lambda _: None,
        )

    def begin(self, *namespaces: str) -> None:
        for namespace in namespaces:
            self.process().submit({**REQUEST, "name": "digits", "namespace": namespace})
        self.sweep()

    def sweep(self) -> None:
        self.now += 60
        self.process().sweep()

    def running(self, namespace: str) -> int:
        return len(self.launcher.active(namespace, "digits"))

    def lose(self, namespace: str) -> None:
        """End the runs, as a machine that loses power does."""
        for run in self.launcher.active(namespace, "digits"):
            self.launcher.observed[run] = Observation(Phase.ABSENT)


@pytest.fixture
def house() -> House:
    return House()


def test_everything_of_a_tenant_is_in_its_store(house: House) -> None:
    house.begin("vision", "audio")
    assert house.running("vision") == house.running("audio") == 2
    theirs = [key for key in house.shared.list("") if "vision" in key]
    assert not theirs
    assert {key.partition("/")[0] for key in house.own.list("")} == {
        *("v1", "live", "index", "identity")
    }
    house.process().delete("vision", "digits")
    for _ in range(3):
        house.sweep()
    left = {key.partition("/")[0] for key in house.own.list("") if "/digits/" in key}
    assert left == {"v1"}  # the tombstone
    assert house.running("audio") == 2


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_sweep_looks_after_the_others(house: House, fault: Exception) -> None:
    house.begin("vision", "audio")
    house.own.fault = fault
    house.lose("audio")
    house.sweep()
    assert house.running("audio") == 2
    assert house.running("vision") == 2
    assert not house.launcher.stopped
    house.own.fault = None
    house.lose("vision")
    house.sweep()
    assert house.running("vision") == 2


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_sweeps_do_not_pause_while_its_experiments_are_out_of_sight(
    house: House, fault: Exception
) -> None:
    house.begin("vision")
    house.own.fault = fault
    house.sweep()
    assert house.schedule.active


def test_sweeps_are_not_armed_for_a_store_that_is_away(house: House) -> None:
    house.schedule.active = False
    house.own.fault = Retry("no answer")
    house.sweep()
    assert not house.schedule.active


def test_the_lease_is_kept_while_its_runs_are_out_of_sight(house: House) -> None:
    house.begin("vision")
    service = house.process()
    service.sweep()
    house.own.fault = Retry("no answer")
    seen = set()
    for _ in range(3):
        house.now += service.leases.seconds / 2
        service.sweep()
        stored = house.shared.get(LEASE)
        assert stored is not None
        seen.add(stored.version)
    assert len(seen) == 3


@pytest.mark.parametrize("fault", FAULTS[:3], ids=lambda fault: type(fault).__name__)
def test_the_others_submit_and_it_learns_why_it_cannot(house: House, fault: TuneletError) -> None:
    house.own.fault = fault
    house.begin("audio")
    assert house.running("audio") == 2
    with pytest.raises(type(fault), match=str(fault)):
        house.begin("vision")
    house.process().ready()


def test_a_store_that_ignores_conditions_is_refused_for_that_tenant_only(house: House) -> None:
    house.own.create = lambda key, data: house.own.put(key, data) or True  # type: ignore[func-returns-value,method-assign]
    house.begin("audio")
    with pytest.raises(Reject, match="created a key that existed"):
        house.begin("vision")


def test_a_trial_gets_the_address_of_its_own_store(house: House) -> None:
    launches: list[Launch] = []
    house.launcher.start = launches.append  # type: ignore[method-assign]
    house.begin("vision", "audio")
    urls = {each.run.namespace: each.env["TUNELET_CHECKPOINT_URL"] for each in launches}
    assert urls["vision"].startswith("memory://vision/v1/vision/digits/trials/")
    assert "/v1/audio/digits/trials/" in urls["audio"]
    assert "memory://vision" not in urls["audio"]


def test_a_log_that_a_tenant_wrote_for_another_starts_nothing(house: House) -> None:
    house.begin("audio")
    for key in [*house.shared.list("v1/audio/digits/"), *house.shared.list("live/audio/digits/")]:
        stored = house.shared.get(key)
        assert stored is not None
        house.own.put(key.replace("/audio/", "/vision/"), stored.data)
    for key in [*house.shared.list("v1/audio/"), *house.shared.list("live/audio/")]:
        house.shared.delete(key)
    house.lose("audio")
    house.sweep()
    assert not house.launcher.active("audio", "digits")
    with pytest.raises(Damaged, match="belongs to audio/digits"):
        house.process().experiment("vision", "digits")


def test_runs_go_on_of_experiments_from_before_the_tenant_had_a_store(
    house: House,
) -> None:
    stores, house.stores = house.stores, {}
    house.begin("vision")
    assert house.running("vision") == 2
    house.stores = stores
    house.sweep()
    assert house.running("vision") == 2
    for key in list(house.shared.list("live/vision/")):
        house.shared.delete(key)
    house.sweep()
    assert house.running("vision") == 0


def test_a_store_that_does_not_answer_is_asked_once_in_a_while(house: House) -> None:
    """Each request to it would delay the sweep by its deadline."""
    house.begin("vision", "audio")
    service = house.process()
    house.own.fault = Retry("no answer")
    asked = []
    for _ in range(12):
        house.own.asked = 0
        service.sweep()
        asked.append(house.own.asked)
        house.now += AWAY_SECONDS
    # Pauses of 15, 30, 60, 120 and again 120 seconds.
    assert asked == [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
    assert house.running("audio") == 2


@pytest.mark.parametrize("fault", FAULTS[2:], ids=lambda fault: type(fault).__name__)
def test_a_store_that_refuses_at_once_is_asked_each_time(house: House, fault: Exception) -> None:
    house.begin("vision")
    service = house.process()
    house.own.fault = fault
    for _ in range(2):
        house.own.asked = 0
        service.sweep()
        assert house.own.asked > 0


def test_a_store_that_answers_again_is_looked_after(house: House) -> None:
    house.begin("vision")
    service = house.process()
    house.own.fault = Retry("no answer")
    for _ in range(9):
        service.sweep()
        house.now += LONGEST_AWAY_SECONDS
    house.own.fault = None
    house.lose("vision")
    service.sweep()
    assert house.running("vision") == 2
    house.own.fault = Retry("no answer")
    service.sweep()
    house.now += AWAY_SECONDS
    house.own.fault = None
    house.lose("vision")
    service.sweep()
    assert house.running("vision") == 2


def test_the_tenants_own_requests_reach_a_store_that_sweeps_leave_alone(house: House) -> None:
    house.begin("vision")
    service = house.process()
    house.own.fault = Retry("no answer")
    service.sweep()
    house.own.fault = None
    assert service.experiment("vision", "digits").name == "digits"
