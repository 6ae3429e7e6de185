"""Whichever comes first of a submit and a disarming sweep, a live experiment has its sweeps.

Every order of their steps is run, and a death at each step. A step is a call that the schedule or a
marker takes part in; the others commute.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import pytest

import algorithms
from adapters.storage.memory import MemoryStore
from functions.events.outbox import Nowhere, Outbox
from tests.faults.interleaving import Dies, Order, orders, run, step
from tests.faults.training import ScriptedLauncher
from tunelet.assembly import assembled
from tunelet.errors import Conflict, NotFound, Retry
from tunelet.log.arming import HELD, TRUSTED, Arming
from tunelet.log.markers import Marker, Markers, announcing
from tunelet.ports import Armed, Schedule
from tunelet.service import Service

REQUEST = {
    "model_training_code": "image",
    "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
    "hpo_algorithm": "random_search",
}

SKEW = 90.0
"""How far the clocks of two machines may be apart."""


class Objects(MemoryStore):
    """A store in which each call about live markers is a step."""

    def put(self, key: str, data: bytes) -> None:
        self._stepped(key, lambda: MemoryStore.put(self, key, data))

    def delete(self, key: str) -> None:
        self._stepped(key, lambda: MemoryStore.delete(self, key))

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        found: Iterator[str] = self._stepped(
            prefix, lambda: MemoryStore.list(self, prefix, after, limit)
        )
        return found

    def _stepped(self, key: str, do: Callable[[], Any]) -> Any:
        return step(do) if key.startswith("live/") else do()

    def copied(self) -> "Objects":
        other = Objects()
        other._objects = dict(self._objects)
        return other


class Timetable:
    """A schedule in memory, whose calls are steps."""

    def __init__(self, at: float | None = 0.0) -> None:
        self.active, self.version, self.at = True, 0, at
        self.armings = 0

    def arm(self, now: float) -> None:
        step(lambda: self._armed(now))

    def look(self) -> Armed:
        return step(lambda: Armed(self.active, str(self.version), self.at))

    def disarm(self, seen: Armed) -> bool:
        return step(lambda: self._disarmed(seen))

    def _armed(self, now: float) -> None:
        self.active, self.at = True, now
        self.version += 1
        self.armings += 1

    def _disarmed(self, seen: Armed) -> bool:
        if seen.version != str(self.version):
            return False
        self.active = False
        self.version += 1
        return True


class Careless(Timetable):
    """It disarms whatever has happened since the look: each test must see that."""

    def _disarmed(self, seen: Armed) -> bool:
        return super()._disarmed(seen._replace(version=str(self.version)))


class Hall:
    """An experiment that has ended and is due to leave, and processes that know nothing of it."""

    def __init__(self, objects: Objects, now: float, schedule: Timetable) -> None:
        self.objects, self.now, self.schedule = objects, now, schedule

    def process(self) -> Service:
        return assembled(
            *(self.objects, ScriptedLauncher(), algorithms.load_catalog(), Outbox(Nowhere())),
            secret=bytes(16),
            api_url="http://localhost",
            schedule=cast(Schedule, self.schedule),
            clock=lambda: self.now,
            sleep=lambda _: None,
        )

    def marked(self, name: str) -> bool:
        return next(MemoryStore.list(self.objects, f"live/default/{name}/"), None) is not None


@pytest.fixture(scope="module")
def ended() -> tuple[Objects, float]:
    """A store with an experiment that was stopped so long ago that a sweep lets it go."""
    hall = Hall(Objects(), 1000.0, Timetable())
    service = hall.process()
    service.submit({**REQUEST, "name": "old"})
    service.stop("default", "old")
    return hall.objects, 1000.0 + HELD + SKEW


def acts(hall: Hall) -> Mapping[str, Callable[[], object]]:
    """What the processes do: one of them continues the old experiment, another begins a new one."""
    sweeping, api, other = hall.process(), hall.process(), hall.process()

    def sweeps() -> None:
        sweeping.sweep()
        sweeping.sweep()

    return {
        "sweep": sweeps,
        "new": lambda: api.submit({**REQUEST, "name": "new"}),
        "old": lambda: other.resume("default", "old"),
    }


def raced(
    ended: tuple[Objects, float],
    who: Sequence[str],
    plan: Sequence[str],
    timetable: type[Timetable] = Timetable,
    dies: Dies | None = None,
) -> tuple[Hall, Order]:
    """Run these actors; raises `AssertionError` if a live experiment is without sweeps."""
    objects, now = ended
    hall = Hall(objects.copied(), now, timetable())

    def check(acknowledged: set[str]) -> None:
        for name in acknowledged - {"sweep"}:
            assert hall.schedule.active or not hall.marked(name), name

    every = acts(hall)
    return hall, run({name: every[name] for name in who}, plan, dies, check)


def test_an_experiment_that_begins_or_continues_has_sweeps_in_every_order(
    ended: tuple[Objects, float],
) -> None:
    who = ("new", "old", "sweep")
    seen = list(orders(lambda plan: raced(ended, who, plan)[1]))
    assert len({tuple(order.turns) for order in seen}) == len(seen)
    assert len(seen) > 700


@pytest.mark.parametrize("who", [("new", "sweep"), ("old", "sweep")])
def test_a_death_at_any_step_delays_a_live_experiment_by_one_idle_sweep_at_most(
    ended: tuple[Objects, float], who: Sequence[str]
) -> None:
    tried = 0
    for order in orders(lambda plan: raced(ended, who, plan)[1]):
        for turn in range(len(order.turns)):
            for after in (False, True):
                hall, _ = raced(ended, who, order.turns, dies=Dies(turn, after))
                hall.process().sweep()  # the idle one, which always comes
                assert hall.schedule.active or not any(map(hall.marked, ("new", "old")))
                tried += 1
    assert tried > 100


@pytest.mark.parametrize("who", [("new", "sweep"), ("old", "sweep")])
def test_a_schedule_that_disarms_unseen_loses_sweeps(
    ended: tuple[Objects, float], who: Sequence[str]
) -> None:
    """The negative control: these orders find the fault if it is there."""
    with pytest.raises(AssertionError):
        list(orders(lambda plan: raced(ended, who, plan, Careless)[1]))


def test_the_sweep_after_the_last_experiment_disarms(ended: tuple[Objects, float]) -> None:
    hall, _ = raced(ended, ("sweep",), ())
    assert not hall.schedule.active
    assert not hall.marked("old")


def test_a_process_may_rely_on_its_own_arming_whatever_its_clock_says() -> None:
    """A refused submit arms and leaves no marker; the next one of the same process does not arm."""
    for behind in (-SKEW, SKEW):
        assert len(list(orders(partial(_relied, behind)))) > 700


def _relied(behind: float, plan: Sequence[str]) -> Order:
    objects, schedule, now = Objects(), Timetable(), [1000.0]
    api = Arming(cast(Schedule, schedule), lambda: now[-1] + behind)
    markers = Markers(objects, lambda: now[-1], api)
    sweeping = Arming(cast(Schedule, schedule), lambda: now[-1])

    def submits() -> None:
        refused = Marker("default", "refused", "u", 0)
        markers.set(refused)
        markers.retract(refused)
        markers.set(announcing("default", "new", "u", 1))

    def sweeps() -> None:
        look = sweeping.look()
        sweeping.settle(look, live=any(True for _ in Markers(objects, lambda: 0.0).live(set())))

    def passes() -> None:
        for seconds in (TRUSTED - 1, HELD):
            step(partial(now.append, now[-1] + seconds))

    def check(acknowledged: set[str]) -> None:
        assert "submits" not in acknowledged or schedule.active

    return run({"submits": submits, "sweeps": sweeps, "time": passes}, plan, None, check)


class Away(Timetable):
    def arm(self, now: float) -> None:
        raise Retry("the cluster is away")

    def look(self) -> Armed:
        raise Retry("the cluster is away")


def test_a_submit_that_cannot_arm_is_not_acknowledged_and_a_sweep_still_works(
    ended: tuple[Objects, float],
) -> None:
    objects, now = ended
    hall = Hall(objects.copied(), now, Away())
    with pytest.raises(Retry, match="the cluster is away"):
        hall.process().submit({**REQUEST, "name": "new"})
    with pytest.raises(NotFound):
        hall.process().experiment("default", "new")
    hall.process().sweep()
    assert not hall.marked("old")


def test_submits_of_one_process_arm_once_a_minute() -> None:
    hall = Hall(Objects(), 1000.0, Timetable())
    service = hall.process()
    for number in range(3):
        service.submit({**REQUEST, "name": f"e{number}"})
    with pytest.raises(Conflict):
        service.submit({**REQUEST, "name": "e0"})
    assert hall.schedule.armings == 1
    hall.now += TRUSTED
    service.submit({**REQUEST, "name": "later"})
    assert hall.schedule.armings == 2


def test_an_idle_sweep_that_finds_a_live_experiment_arms() -> None:
    """Another installation, or a process without a schedule, has written the marker."""
    hall = Hall(Objects(), 1000.0, Timetable())
    hall.process().submit({**REQUEST, "name": "new"})
    hall.schedule.active = False
    hall.process().sweep()
    assert hall.schedule.active
