"""A fault of one object, run or trial delays no other."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.checks import REQUEST, submit, used
from tests.faults.training import ScriptedLauncher
from tests.faults.world import Crash, World
from tunelet.core.run import Launch, Observation, Run
from tunelet.core.trial import Report
from tunelet.errors import Retry
from tunelet.log.verify import experiments
from tunelet.ports import Stored

AT = ("default", "e")
STOPPED_EARLY: dict[str, Any] = REQUEST | {
    "early_stopping": {"name": "threshold", "settings": {"upper": 1.3}}
}


FOREIGN = [
    *(folder + name for folder in ("live/", "expires/") for name in ("", "a", "0/", "0/a/b/c/d")),
    *("index/", "index/default/", "index/default/readme.txt", "expires/1/a/b/c"),
    *("v1/", "v1/readme.txt", "v1/default/", "v1/default/a", "v1/default/e/journal/"),
]


@pytest.mark.parametrize("key", FOREIGN)
def test_foreign_objects_in_the_bucket_delay_no_experiment(key: str) -> None:
    """A console makes empty objects for the folders that it shows."""
    store = _Console()
    world = World([], objects=store)
    store.foreign = key
    submit(world.calm())
    world.run(until=lambda: len(world.launcher.launches) == 5)
    service = world.calm()
    assert service.sweep() == 1
    assert [each.name for each in service.experiments("default")[0]] == ["e"]
    assert list(experiments(store)) == [AT]


class _Console(MemoryStore):
    """Shows a foreign object with a key that Tunelet never writes."""

    foreign = ""

    def list(self, prefix: str, after: str = "", limit: int | None = None):  # type: ignore[no-untyped-def]
        keys = [*super().list(prefix, after), *[self.foreign] * (self.foreign > after)]
        ours = sorted(key for key in keys if key.startswith(prefix) and key)
        return iter(ours[:limit])


class _Deadly(MemoryStore):
    """A process that reads the log of the experiment "b" dies, for example of a large state."""

    deadly = False

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        if self.deadly and prefix.startswith("v1/default/b/"):
            raise Crash("out of memory")
        return super().list(prefix, after, limit)


def test_an_experiment_that_kills_the_sweep_does_not_keep_it_from_the_others() -> None:
    """Each sweep begins elsewhere, so that no experiment always comes after the deadly one."""
    store = _Deadly()
    world = World([], objects=store, copies=0)
    for name in ("a", "b", "c"):
        world.calm().submit(REQUEST | {"name": name})
    store.deadly = True
    for _ in range(100):
        with pytest.raises(Crash):
            world.calm().sweep()
    assert {run.experiment for run in world.launcher.running()} == {"a", "c"}


class _Slow(MemoryStore):
    """Reads of one experiment's segments wait until the test releases them."""

    slow: threading.Event | None = None
    asked = threading.Event()

    def get(self, key: str) -> Stored | None:
        if self.slow is not None and key.startswith("v1/default/e/segments/"):
            self.asked.set()
            assert self.slow.wait(60)
        return super().get(key)


def test_a_past_that_is_slow_to_read_holds_up_no_other_experiment() -> None:
    """Their stopping rules are asked in one process."""
    store = _Slow()
    world = World([lambda service: service.submit(STOPPED_EARLY)], objects=used(store))
    world.run()
    world.calm().extend(*AT, {"max_trials": 6})
    world.calm().submit(STOPPED_EARLY | {"name": "other"})
    for name in ("e", "other"):
        world.calm().suggest("default", name)
        world.calm().launch("default", name)
    one, other = (
        next(run for run in world.launcher.running() if run.experiment == name)
        for name in ("e", "other")
    )
    service, store.slow = world.calm(), threading.Event()
    for run in (one, other):
        service.experiment("default", run.experiment)
    with ThreadPoolExecutor(2) as threads:
        reports = [Report(1, {"objective": 9.0})]
        first = threads.submit(service.attempts.report, one, reports)
        try:
            assert store.asked.wait(60)
            assert threads.submit(service.attempts.report, other, reports).result(30) is True
        finally:
            store.slow.set()
        assert first.result() is True


class _Stubborn(ScriptedLauncher):
    """One run can be neither seen nor stopped."""

    stubborn: Run | None = None

    def observe(self, run: Run) -> Observation:
        if run == self.stubborn:
            raise OSError("its output cannot be read")
        return super().observe(run)

    def stop(self, run: Run) -> None:
        if run == self.stubborn:
            raise Retry("the node does not answer")
        super().stop(run)


def two_running() -> tuple[World, _Stubborn]:
    launcher = _Stubborn()
    world = World([submit], launcher=launcher)
    world.run(until=lambda: len(launcher.running()) == REQUEST["parallel_trials"])
    launcher.stubborn = launcher.running()[0]
    return world, launcher


def test_a_run_that_cannot_be_seen_hides_no_other() -> None:
    world, launcher = two_running()
    launcher.tick()
    world.calm().collect(*AT)
    reported = [bool(trial.reports) for trial in world.calm().trials(*AT)[0]]
    assert reported[:2] == [False, True]


def test_a_run_that_cannot_be_stopped_does_not_keep_others_running() -> None:
    world, launcher = two_running()
    service = world.calm()
    service.stop(*AT)
    with pytest.raises(Retry, match="node"):
        service.launch(*AT)
    assert launcher.running() == [launcher.stubborn]


class _Halfway(ScriptedLauncher):
    """The first call for a run makes its Job, and is broken off before the Job's Secret is made."""

    def __init__(self) -> None:
        super().__init__()
        self.whole: set[Run] = set()

    def launch(self, launch: Launch) -> None:
        begun = launch.run in self.running()
        super().launch(launch)
        if not begun:
            raise Retry("the API does not answer")
        self.whole.add(launch.run)


def test_a_launch_that_was_broken_off_is_made_whole_though_the_run_is_seen() -> None:
    launcher = _Halfway()
    world = World([submit], copies=0, launcher=launcher)
    world.run(until=lambda: bool(launcher.running()))
    assert not launcher.whole
    world.calm().collect(*AT)
    world.calm().launch(*AT)
    assert launcher.whole == set(launcher.running())
