"""The quota of trials that run at a time in a namespace: never more run, and the others wait."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from tests.unit.functions.conftest import SMALLEST, FragileStore, SilentLauncher, World
from tunelet.core.quotas import UNLIMITED, Quota, Quotas
from tunelet.core.run import Launch
from tunelet.core.signal import LAUNCH, Signal
from tunelet.core.trial import Outcome, Report, TrialState, Verdict
from tunelet.engine.live_trials import LOOK_SECONDS
from tunelet.errors import Conflict, Retry, Throttled
from tunelet.ports import Stored

TWO = Quotas(Quota(live_trials=2), {"rich": Quota()})
SPACE = {"x": {"type": "float", "min": 0, "max": 1}}


def submitted(world: World, *names: str, namespace: str = "default", **fields: Any) -> None:
    for name in names:
        request = {**SMALLEST, "hyperparameters": SPACE, "parallel_trials": 3, **fields}
        world.service.submit({**request, "name": name, "namespace": namespace})
        world.service.suggest(namespace, name)


def launched(world: World, *names: str, namespace: str = "default") -> None:
    for name in names:
        world.service.launch(namespace, name)


def states(world: World, name: str) -> list[TrialState]:
    return [trial.state for trial in world.service.trials("default", name)[0]]


def running(world: World, *names: str) -> int:
    return sum(states(world, name).count(TrialState.RUNNING) for name in names)


def finished(world: World, name: str, number: int) -> None:
    outcome = Outcome(Verdict.COMPLETE, {"objective": 1.0})
    world.service.attempts.finish(world.run(name, number), outcome)
    world.launcher.stop(world.run(name, number))


def test_trials_beyond_the_quota_wait_across_experiments() -> None:
    world = World(quotas=TWO)
    submitted(world, "a", "b")
    launched(world, "a", "b", "a", "b")
    assert states(world, "a") == [TrialState.RUNNING] * 2 + [TrialState.WAITING]
    assert states(world, "b") == [TrialState.WAITING] * 3
    assert len(world.launcher.running()) == 2
    submitted(world, "a", namespace="rich")
    launched(world, "a", namespace="rich")
    assert len(world.launcher.running()) == 5


def test_a_place_goes_to_the_experiment_that_waits_and_it_gets_a_signal() -> None:
    world = World(quotas=TWO)
    submitted(world, "a", "b", "c", max_trials=9)
    launched(world, "a", "b", "c")
    world.broker.signals.clear()
    finished(world, "a", 0)
    assert Signal(LAUNCH, "default", "b") in world.broker.signals
    # The one that ran is the first to hear of it, but it has had its turn.
    launched(world, "a", "c")
    assert running(world, "a", "b", "c") == 1
    launched(world, "b")
    assert (running(world, "a"), running(world, "b")) == (1, 1)
    finished(world, "a", 1)
    launched(world, "b", "c", "a")
    assert (running(world, "a"), running(world, "b"), running(world, "c")) == (1, 1, 0)
    finished(world, "b", 0)
    launched(world, "a", "b", "c")
    assert (running(world, "a"), running(world, "b"), running(world, "c")) == (1, 0, 1)


def test_an_experiment_that_ends_or_pauses_keeps_no_other_waiting() -> None:
    world = World(quotas=TWO)
    submitted(world, "a", "b", "c", "d")
    launched(world, "a", "b", "c", "d")
    world.service.pause("default", "b")
    world.service.delete("default", "c")
    world.service.stop("default", "a")
    launched(world, "d")
    assert running(world, "d") == 2


def test_a_sweep_launches_what_a_lost_signal_did_not() -> None:
    world = World(quotas=TWO)
    submitted(world, "a", "b")
    launched(world, "a", "b")
    world.broker.away = True
    world.service.stop("default", "a")
    world.broker.away = False
    world.service.sweep()
    assert running(world, "b") == 2


def test_a_trial_that_was_admitted_before_the_process_died_is_launched_later() -> None:
    class Dying(SilentLauncher):
        dies = True

        def launch(self, launch: Launch) -> None:
            if self.dies:
                raise Throttled("no room here")
            super().launch(launch)

    launcher = Dying()
    world = World(launcher=launcher, quotas=TWO)
    submitted(world, "a", "b")
    launched(world, "a")
    launcher.dies = False
    launched(world, "b")
    assert running(world, "b") == 0
    launched(world, "a", "b")
    assert (running(world, "a"), running(world, "b")) == (2, 0)


class Forgetful(FragileStore):
    """Loses the answers to writes of ledgers, after writing."""

    loses = False

    def replace(self, key: str, data: bytes, version: str) -> bool:
        done = super().replace(key, data, version)
        if self.loses and key.startswith("quotas/"):
            raise Retry("the answer is lost")
        return done


class Clock:
    now = 1e9

    def __call__(self) -> float:
        return self.now


def test_places_of_a_process_that_died_are_found_by_a_later_look() -> None:
    """Nothing takes them out of the ledger: the end of `a` is in the log, and no step follows."""
    clock = Clock()
    world = World(quotas=TWO, clock=clock)
    submitted(world, "a", "b", "c")
    launched(world, "a", "b", "c")
    dying = World(world.store, world.launcher, UNLIMITED)
    finished(dying, "a", 0)
    launched(world, "b")
    assert running(world, "b") == 0
    clock.now += LOOK_SECONDS
    launched(world, "b")
    assert running(world, "b") == 1


def test_an_experiment_takes_its_own_place_again_without_a_look_at_others() -> None:
    world = World(quotas=TWO)
    submitted(world, "a")
    launched(world, "a")
    dying = World(world.store, world.launcher, UNLIMITED)
    finished(dying, "a", 0)
    launched(world, "a")
    assert running(world, "a") == 2


def woken(world: World) -> list[str]:
    return [signal.experiment for signal in world.broker.signals if signal.topic == LAUNCH]


def test_one_more_experiment_is_woken_than_there_are_places() -> None:
    """The first may not wait any more, because the process that should say so has died."""
    world = World(quotas=TWO)
    submitted(world, "a", "b", "c", "d", max_trials=9)
    launched(world, "a", "b", "c", "d")
    World(world.store, world.launcher, UNLIMITED).service.pause("default", "b")
    world.broker.signals.clear()
    finished(world, "a", 0)
    assert woken(world) == ["a", "b", "c"]
    launched(world, *woken(world))
    assert running(world, "c") == 1


def test_those_are_woken_that_get_the_next_places() -> None:
    """Of those that wait, they have the fewest places, and not the longest wait."""
    world = World(quotas=Quotas(Quota(live_trials=3)))
    submitted(world, "a", "b", "c", "new", max_trials=9)
    launched(world, "a", "b", "c")
    for number in (0, 1):
        finished(world, "a", number)
        launched(world, *"bc"[number])
    launched(world, "a", "new")
    assert [running(world, name) for name in "abc"] == [1, 1, 1]
    world.broker.signals.clear()
    world.service.stop("default", "c")
    launched(world, *woken(world))
    assert running(world, "new") == 1


def test_a_worker_does_not_take_the_place_of_an_experiment_that_waits() -> None:
    world = World(quotas=TWO)
    submitted(world, "w", "b", model_training_code={"workers": True}, parallel_trials=9)
    world.service.attempts.ask("default", "w", 2, key="k")
    submitted(world, "a")
    launched(world, "a")
    world.service.attempts.finish(world.run("w", 0), Outcome(Verdict.COMPLETE, {"objective": 1.0}))
    assert world.service.attempts.ask("default", "w", 1, key="l")[1] == []
    assert world.service.attempts.full("default", "w")
    launched(world, "a")
    assert running(world, "a") == 1
    world.service.attempts.finish(world.run("w", 1), Outcome(Verdict.COMPLETE, {"objective": 1.0}))
    assert len(world.service.attempts.ask("default", "w", 1, key="m")[1]) == 1


def test_a_lowered_quota_holds_for_trials_that_were_admitted_and_not_launched() -> None:
    class Full(SilentLauncher):
        full = True

        def launch(self, launch: Launch) -> None:
            if self.full:
                raise Throttled("no room here")
            super().launch(launch)

    launcher = Full()
    world = World(launcher=launcher, quotas=Quotas(Quota(live_trials=6)))
    submitted(world, "a", "b", max_trials=3)
    launched(world, "a", "b")
    launcher.full = False
    lowered = World(world.store, launcher, TWO)
    launched(lowered, "a", "b")
    assert running(lowered, "a", "b") == 2
    dying = World(world.store, launcher, UNLIMITED)
    for number in (0, 1):
        finished(dying, "a", number)
    launched(lowered, "a", "b")
    assert running(lowered, "a", "b") == 2


def test_the_first_that_waits_misses_no_end_that_comes_while_it_looks() -> None:
    store, clock = Interrupted(), Clock()
    world, other = (World(store, quotas=TWO, clock=clock) for _ in range(2))
    other.launcher = world.launcher
    submitted(world, "a", "b", parallel_trials=2, max_trials=2)
    launched(world, "a")

    def ends() -> None:
        for number in (0, 1):
            other.service.attempts.finish(
                world.run("a", number), Outcome(Verdict.COMPLETE, {"objective": 1.0})
            )

    assert world.service.attempts.full("default", "a")  # which looks for ended attempts, too
    store.then = ends
    launched(world, "b")
    assert running(world, "b") == 2


class Interrupted(FragileStore):
    """Something happens just before the next change of a ledger."""

    then: Callable[[], None] | None = None

    def replace(self, key: str, data: bytes, version: str) -> bool:
        if self.then is not None and key.startswith("quotas/"):
            then, self.then = self.then, None
            then()
        return super().replace(key, data, version)


def test_none_is_woken_while_there_is_no_place() -> None:
    world = World(quotas=TWO)
    submitted(world, "a", "b")
    launched(world, "a", "b")
    world.broker.signals.clear()
    world.service.attempts.report(world.run("a", 0), [Report(1, {"objective": 1.0}, 1)])
    world.service.pause("default", "b")
    assert woken(world) == []


def test_a_look_is_repeated_with_a_change_that_another_process_forestalls() -> None:
    store, clock = Contended(), Clock()
    world = World(store, quotas=TWO, clock=clock)
    submitted(world, "a", "b")
    launched(world, "a")
    dying = World(store, world.launcher, UNLIMITED)
    finished(dying, "a", 0)
    finished(dying, "a", 1)
    clock.now += LOOK_SECONDS
    store.others = 2
    launched(world, "b")
    assert running(world, "b") == 1  # the other place is kept for `a`


def test_idle_experiments_ahead_keep_no_place_however_many() -> None:
    world = World(quotas=TWO)
    names = [f"e{number}" for number in range(7)]
    submitted(world, "a", *names)
    launched(world, "a", *names)
    dying = World(world.store, world.launcher, UNLIMITED)
    for name in names[:6]:
        dying.service.pause("default", name)
    finished(world, "a", 0)
    launched(world, "e6")
    assert running(world, "e6") == 1


def test_a_trials_end_reads_few_logs_however_many_experiments_wait() -> None:
    def reads(count: int) -> int:
        store = Counting()
        world = World(store, quotas=TWO)
        names = [f"e{number}" for number in range(count)]
        submitted(world, *names)
        launched(world, *names)
        world.broker.signals.clear()
        store.reads = 0
        finished(world, "e0", 0)
        launched(world, *woken(world))
        used = store.reads
        assert running(world, *names) == 2
        return used

    assert reads(40) == reads(5)


class Contended(FragileStore):
    """Another process changes a ledger just before this one's next `others` changes."""

    others = 0

    def replace(self, key: str, data: bytes, version: str) -> bool:
        if self.others and key.startswith("quotas/"):
            self.others -= 1
            stored = self.get(key)
            assert stored is not None
            super().replace(key, stored.data + b" ", stored.version)
        return super().replace(key, data, version)


class Counting(FragileStore):
    """Counts the reads of logs."""

    reads = 0

    def get(self, key: str) -> Stored | None:
        self.reads += key.startswith("v1/")
        return super().get(key)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_dies_meanwhile_no_more_run_than_the_quota_and_all_end(seed: int) -> None:
    chance, clock = random.Random(seed), Clock()
    quotas = Quotas(Quota(live_trials=3))
    first = World(quotas=quotas, clock=clock)
    worlds = [first, *(World(first.store, first.launcher, quotas, clock=clock) for _ in range(2))]
    dying = World(first.store, first.launcher, UNLIMITED, clock=clock)
    names = [f"e{number}" for number in range(6)]
    submitted(first, *names, max_trials=4)
    for _ in range(150):
        clock.now += chance.choice((0, 1, LOOK_SECONDS))
        world, name = chance.choice(worlds), chance.choice(names)
        live = sorted(first.launcher.running())
        step = chance.randrange(5)
        if step == 0 and live:
            run = chance.choice(live)
            finished(chance.choice((world, dying)), run.experiment, run.number)
        elif step in (1, 2):
            with suppress(Conflict):  # it has ended
                service = chance.choice((world, dying)).service
                (service.pause if step == 1 else service.resume)("default", name)
        else:
            launched(world, name)
        assert running(first, *names) <= 3
        assert len(first.launcher.running()) <= 3
    for name in names:
        with suppress(Conflict):
            first.service.resume("default", name)
    for _ in range(60):
        clock.now += 60
        first.service.sweep()
        assert running(first, *names) <= 3
        for run in first.launcher.running():
            finished(first, run.experiment, run.number)
    assert [len(states(first, name)) for name in names] == [4] * 6
    assert all(set(states(first, name)) == {TrialState.COMPLETE} for name in names)


def test_a_lost_answer_costs_no_place() -> None:
    store = Forgetful()
    world = World(store, quotas=TWO)
    submitted(world, "a", "b")
    world.service.launch("default", "b")
    finished(world, "b", 0)
    store.loses = True
    with pytest.raises(Retry):
        launched(world, "a")
    store.loses = False
    launched(world, "a", "b")
    assert running(world, "a", "b") == 2


def test_a_quota_that_is_new_counts_what_runs_already() -> None:
    world = World(quotas=UNLIMITED)
    submitted(world, "a")
    launched(world, "a")
    assert not list(world.store.list("quotas/"))
    limited = World(world.store, world.launcher, TWO)
    submitted(limited, "b")
    launched(limited, "b")
    assert (running(limited, "a"), running(limited, "b")) == (3, 0)
    for number in (0, 1):
        finished(limited, "a", number)
    launched(limited, "b")
    assert running(limited, "b") == 1


def test_a_ledger_that_someone_spoiled_is_made_anew() -> None:
    world = World(quotas=TWO)
    submitted(world, "a", "b")
    launched(world, "a")
    world.store.put("quotas/default", b"{")
    launched(world, "b")
    assert (running(world, "a"), running(world, "b")) == (2, 0)


def test_many_processes_together_run_no_more_than_the_quota() -> None:
    first = World(quotas=Quotas(Quota(live_trials=3)))
    names = [f"e{number}" for number in range(6)]
    submitted(first, *names)
    worlds = [World(first.store, first.launcher, first.quotas) for _ in range(6)]

    def launch(number: int) -> None:
        worlds[number % 6].service.launch("default", names[(number * 5) % 6])

    for _ in range(4):
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(launch, range(12)))
        assert running(first, *names) == 3
        assert len(first.launcher.running()) == 3
        name = next(name for name in names if running(first, name))
        number = states(first, name).index(TrialState.RUNNING)
        finished(first, name, number)


def test_workers_get_no_more_trials_than_the_quota() -> None:
    world = World(quotas=TWO)
    submitted(world, "a", "w", model_training_code={"workers": True}, parallel_trials=9)
    _, mine = world.service.attempts.ask("default", "w", 5, key="k")
    assert len(mine) == 2
    again = world.service.attempts.ask("default", "w", 5, key="k")[1]
    assert [each.trial.number for each in again] == [each.trial.number for each in mine]
    answer = world.api.post("/api/experiments/a/trials/ask", json={}).json
    assert answer is not None
    assert answer["trials"] == []
    assert "quota" in answer["reason"]
    world.service.attempts.finish(world.run("w", 0), Outcome(Verdict.COMPLETE, {"objective": 1.0}))
    assert len(world.service.attempts.ask("default", "a", 5, key="l")[1]) == 1
