"""Two installations over one store, each with its own runs; any call may fail."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from tests.faults.training import ScriptedLauncher
from tests.faults.world import Broker, Crash, Delivery, Fallible, Fault, Faults
from tunelet.assembly import assembled
from tunelet.core.installation import Installation
from tunelet.core.signal import COLLECT, Signal
from tunelet.errors import NotFound, Retry, Throttled
from tunelet.ports import Launcher, Publisher, Store
from tunelet.service import Service

LEASE = 60.0
REQUEST: dict[str, Any] = {
    "name": "e",
    "model_training_code": "image",
    "hyperparameters": {"x": {"type": "float", "min": 0.0, "max": 1.0}},
    "hpo_algorithm": "random_search",
    "max_trials": 12,
    "parallel_trials": 4,
    "max_attempts": 9,
}


class Installed:
    """One installation: a service that may crash at any call, and runs that outlive it."""

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        places: int | None = 2,
        plan: dict[int, Fault] | None = None,
        can_run: bool = True,
        joins: bool = False,
        now: float = 1000.0,
    ) -> None:
        self.launcher = ScriptedLauncher()
        self.broker = Broker(1, None)
        self.now = now
        self.faults = Faults(plan or {})
        self._store = store
        self._self = Installation(name, places, lambda code: can_run, joins)
        self.service = self.started()

    def started(self) -> Service:
        return assembled(
            cast(Store, Fallible(self._store, self.faults)),
            cast(Launcher, Fallible(self.launcher, self.faults)),
            load_catalog(),
            cast(Publisher, Fallible(self.broker, self.faults)),
            secret=b"secret",
            api_url="http://localhost",
            installation=self._self,
            lease_seconds=LEASE,
            clock=lambda: self.now,
            sleep=lambda seconds: None,
        )

    def does(self, act: Delivery) -> None:
        try:
            act(self.service)
        except Crash:
            self.service = self.started()
        except (Retry, NotFound):
            pass

    def sweeps(self) -> None:
        self.does(lambda service: service.sweep())
        self.settles()

    def settles(self) -> None:
        """Deliver signals until none is left; one that fails is lost."""
        while self.broker.queue:
            self.does(self.broker.queue.popleft())

    def trains(self) -> None:
        """Every run takes a step, and there is news of it."""
        for run, _ in self.launcher.tick():
            self.broker.publish(Signal(COLLECT, *run[:2]))
        self.settles()


class Pair:
    def __init__(self, **of_both: Any) -> None:
        self.store = MemoryStore()
        # Their clocks have nothing to do with each other.
        self.here = Installed(self.store, "here", **of_both)
        self.there = Installed(self.store, "there", now=9e8, **of_both)
        self.most = 0

    @property
    def both(self) -> tuple[Installed, Installed]:
        return self.here, self.there

    def passes(self, seconds: float) -> None:
        for each in self.both:
            each.now += seconds

    def starts(self) -> Counter[tuple[int, int]]:
        return self.here.launcher.starts + self.there.launcher.starts

    def running(self) -> int:
        return sum(len(each.launcher.running()) for each in self.both)

    def submit(self) -> None:
        self.here.service.submit(REQUEST)
        self.here.settles()

    def until(self, holds: Callable[[], bool], by: tuple[Installed, ...] | None = None) -> None:
        for _ in range(400):
            if holds():
                return
            for each in by or self.both:
                each.trains()
                each.sweeps()
                self.most = max(self.most, self.running())
            self.passes(5.0)
        raise AssertionError("it did not come to be")

    def over(self) -> bool:
        calm = Installed(self.store, "calm")
        return calm.service.experiment("default", "e").over


def test_they_share_the_trials_and_each_attempt_starts_once() -> None:
    pair = Pair()
    pair.submit()
    pair.until(pair.over)
    assert max(pair.starts().values()) == 1
    assert {n for n, _ in pair.starts()} == set(range(12))
    assert pair.most <= 4
    assert all(each.launcher.starts for each in pair.both)


@pytest.mark.parametrize("seed", range(6))
def test_under_any_fault_no_attempt_starts_twice_and_the_budget_is_exact(seed: int) -> None:
    chance = random.Random(seed)
    pair = Pair()
    for each in pair.both:
        plan = {n: chance.choice(list(Fault)) for n in range(5000) if chance.random() < 0.03}
        each.faults = Faults(plan)
        each.service = each.started()
    while next(pair.store.list("v1/"), None) is None:
        pair.here.does(lambda service: service.submit(REQUEST, key="once"))
    pair.until(pair.over)
    pair.until(lambda: not pair.running())
    assert max(pair.starts().values()) == 1
    trials = Installed(pair.store, "calm").service.trials("default", "e")[0]
    assert [trial.number for trial in trials] == list(range(12))
    assert pair.most <= 4


class TestOfOneThatDies:
    @pytest.fixture
    def pair(self) -> Pair:
        """Each runs two trials."""
        pair = Pair()
        pair.submit()
        pair.there.sweeps()
        assert pair.running() == 4
        pair.here.sweeps()
        return pair

    def attempts(self, pair: Pair) -> list[tuple[str, int]]:
        trials = pair.there.service.trials("default", "e")[0]
        return [(trial.by, trial.attempt) for trial in trials[:4]]

    def test_the_runs_are_left_alone_while_its_lease_is_valid(self, pair: Pair) -> None:
        before = self.attempts(pair)
        for _ in range(11):
            pair.there.sweeps()
            pair.passes(5.0)
        assert self.attempts(pair) == before

    def test_the_other_runs_them_again_and_ends_the_experiment(self, pair: Pair) -> None:
        pair.until(pair.over, by=(pair.there,))
        trials = pair.there.service.trials("default", "e")[0]
        assert len(trials) == 12
        assert [t.attempt for t in trials if t.number in (0, 1)] != [1, 1]
        assert max(pair.starts().values()) == 1

    def test_when_it_comes_back_it_ends_runs_that_were_taken_over(self, pair: Pair) -> None:
        old = pair.here.launcher.running()
        for _ in range(20):
            pair.there.sweeps()
            pair.passes(5.0)
        assert pair.here.launcher.running() == old
        pair.here.sweeps()
        assert not set(old) & set(pair.here.launcher.running())

    def test_also_long_after_the_other_has_ended_the_experiment(self, pair: Pair) -> None:
        assert pair.here.launcher.running()
        pair.until(pair.over, by=(pair.there,))
        for _ in range(60):
            pair.there.sweeps()
            pair.passes(5.0)
        assert next(pair.store.list("live/"), None) is None
        pair.here.sweeps()
        assert not pair.here.launcher.running()

    def test_one_that_is_back_in_time_keeps_its_runs(self, pair: Pair) -> None:
        before = self.attempts(pair)
        for _ in range(10):
            for _ in range(10):
                pair.there.sweeps()
                pair.passes(5.0)
            pair.here.sweeps()
        assert self.attempts(pair) == before


def test_an_installation_that_was_asleep_launches_no_trial_that_was_taken_over() -> None:
    """It has read the log, falls asleep, and is about to launch when it wakes up."""

    class Sleepy(MemoryStore):
        sleeps: Callable[[], None] | None = None

        def put(self, key: str, data: bytes) -> None:
            if key == "installations/here" and (sleep := self.sleeps):
                self.sleeps = None
                sleep()
            super().put(key, data)

    store = Sleepy()
    here = Installed(store, "here")
    there = Installed(store, "there", places=None, now=7e8)

    def sleep() -> None:
        for _ in range(40):
            there.sweeps()
            there.now += 5.0
        here.now += 200

    here.service.submit(REQUEST)
    here.service.suggest("default", "e")
    store.sleeps = sleep
    here.service.launch("default", "e")
    here.settles()
    starts = here.launcher.starts + there.launcher.starts
    assert {n for n, _ in there.launcher.starts} >= {0, 1}
    assert max(starts.values()) == 1
    assert not set(here.launcher.starts) & {(0, 1), (1, 1)}


def test_a_stop_and_a_deletion_by_one_end_the_runs_of_the_other() -> None:
    for act in ("stop", "delete"):
        pair = Pair()
        pair.submit()
        pair.there.sweeps()
        assert all(each.launcher.running() for each in pair.both)
        getattr(pair.there.service, act)("default", "e")
        pair.there.settles()
        assert pair.here.launcher.running()
        pair.here.sweeps()
        assert not pair.running()


def test_an_installation_that_cannot_run_them_takes_no_trials_of_a_dead_one() -> None:
    store = MemoryStore()
    here, there = Installed(store, "here"), Installed(store, "there", can_run=False)
    here.service.submit(REQUEST)
    here.settles()
    for _ in range(60):
        there.sweeps()
        there.now += 5.0
    assert not there.launcher.starts
    assert len(here.launcher.running()) == 2
    trials = there.service.trials("default", "e")[0]
    assert {(trial.by, trial.attempt) for trial in trials} == {("here", 1)}


def test_the_error_names_the_installation_that_has_the_output() -> None:
    class Empty(ScriptedLauncher):
        def logs(self, run: Any) -> Any:
            raise NotFound("there is no output")

    pair = Pair()
    pair.submit()
    pair.there.launcher = Empty()
    pair.there.service = pair.there.started()
    with pytest.raises(NotFound, match="or its output is still where it ran, at installation here"):
        pair.there.service.files.logs("default", "e", 0)


def test_idle_installations_ask_and_write_nothing_of_each_other() -> None:
    pair = Pair()
    pair.submit()
    pair.until(pair.over)
    for _ in range(60):
        for each in pair.both:
            each.sweeps()
        pair.passes(5.0)
    before = {key: pair.store.get(key) for key in pair.store.list("")}
    for each in pair.both:
        each.faults.calls.clear()
        each.sweeps()
        assert not {"put", "create", "delete"} & set(each.faults.calls)
    assert {key: pair.store.get(key) for key in pair.store.list("")} == before


def test_slots_that_were_never_used_are_taken_over_though_nothing_changes_in_the_log() -> None:
    """Experiments in which nothing happens are looked at seldom, but not those."""
    store = MemoryStore()
    here, there = Installed(store, "here"), Installed(store, "there", places=None)
    here.service.submit({**REQUEST, "parallel_trials": 2})
    here.service.suggest("default", "e")
    for _ in range(60):
        there.sweeps()
        there.now += 5.0
    trials = there.service.trials("default", "e")[0]
    assert [(t.by, t.attempt) for t in trials if t.number in (0, 1)] == [("there", 2)] * 2
    assert all(trial.counted == 1 for trial in trials)


def test_trials_that_wait_for_a_place_hold_the_lease() -> None:
    class Full(ScriptedLauncher):
        def launch(self, launch: Any) -> None:
            raise Throttled("no room")

    store = MemoryStore()
    here, there = Installed(store, "here"), Installed(store, "there")
    here.launcher = Full()
    here.service = here.started()
    here.service.submit({**REQUEST, "parallel_trials": 2})
    here.settles()
    for _ in range(60):
        for each in (here, there):
            each.sweeps()
            each.now += 5.0
    trials = there.service.trials("default", "e")[0]
    assert {(t.by, t.attempt) for t in trials if t.number in (0, 1)} == {("here", 1)}
