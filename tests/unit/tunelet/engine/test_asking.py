"""Workers ask for trials, renew their leases and send outcomes: the service over a real log."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from algorithms.catalog.installed import InstalledAlgorithms
from benchmarks.harness.counting import Counting
from functions.events.outbox import Outbox
from tests.faults.training import ScriptedLauncher
from tests.unit.functions.conftest import SMALLEST, Broker
from tunelet.assembly import assembled
from tunelet.core.installation import Installation
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.run import Run
from tunelet.core.trial import Outcome, Report, Trial, Verdict
from tunelet.engine.asking import Handed
from tunelet.engine.suggest_turns import MOST_OF_ONE
from tunelet.errors import Conflict, Forbidden, NotFound
from tunelet.ports import Algorithm, Store
from tunelet.service import Service

DONE = Outcome(Verdict.COMPLETE, {"objective": 1.0})
REQUEST = {
    **SMALLEST,
    "name": "e",
    "model_training_code": {"workers": True},
    "max_trials": 6,
    "parallel_trials": 4,
}


class Place:
    """Services over one store. `now` is their clock."""

    def __init__(self, catalog: InstalledAlgorithms | None = None, **fields: Any) -> None:
        self.now = 1000.0
        self.store: Store = MemoryStore()
        self.catalog = catalog or load_catalog()
        self.service = self.opened()
        self.service.submit({**REQUEST, **fields})

    def opened(self, installation: str = "here") -> Service:
        """A fresh service over the store."""
        self.broker = Broker()
        return assembled(
            self.store,
            ScriptedLauncher(),
            self.catalog,
            Outbox(self.broker),
            secret=b"0123456789abcdef",
            api_url="",
            installation=Installation(installation),
            clock=lambda: self.now,
        )

    def ask(self, count: int = 1, key: str | None = None, seconds: float = 60.0) -> list[Handed]:
        return self.service.attempts.ask("default", "e", count, seconds, key)[1]

    def taken(self, count: int = 1, key: str | None = None, seconds: float = 60.0) -> list[Run]:
        return [self.run(handed.trial) for handed in self.ask(count, key, seconds)]

    def run(self, trial: Trial) -> Run:
        uid = self.service.experiment("default", "e").uid
        return Run("default", "e", uid, trial.number, trial.attempt)

    def passes(self, seconds: float, step: float = 10.0) -> None:
        """Let time pass, with sweeps."""
        for _ in range(round(seconds / step)):
            self.now += step
            self.service.sweep()

    def entries(self) -> int:
        return len(list(self.store.list("v1/default/e/journal/")))

    def leases(self) -> list[str]:
        found = self.store.list("v1/default/e/trials/")
        return [key.rpartition("/")[2] for key in found if key.endswith(".lease")]


def test_one_entry_suggests_a_trial_and_starts_it() -> None:
    place = Place()
    before = place.entries()
    (handed,) = place.ask()
    assert (handed.trial.state, handed.trial.attempt) == ("RUNNING", 1)
    assert handed.trial.hyperparameters.keys() == {"learning_rate", "batch_size"}
    assert handed.checkpoint_url.endswith("/0")
    assert place.entries() == before + 1
    assert place.service.attempts.authorize(handed.token, "default", "e", 0) == place.run(
        handed.trial
    )


def test_the_budget_is_exact_and_the_experiment_ends_with_the_last_trial() -> None:
    place = Place()
    finished = 0
    while runs := place.taken(3):
        finished += len([place.service.attempts.finish(run, DONE) for run in runs])
    assert finished == 6
    assert place.service.experiment("default", "e").state == "COMPLETE"


def test_no_more_than_parallel_trials_are_given() -> None:
    place = Place()
    assert [len(place.ask(3)), len(place.ask(3)), len(place.ask(3))] == [3, 1, 0]


def test_the_same_key_gets_the_same_trials_also_from_another_process() -> None:
    place = Place()
    first = place.ask(2, "k")
    assert place.ask(2, "k") == first
    place.service = place.opened()
    assert place.ask(2, "k") == first
    assert place.ask(2, "other") != first


def test_enqueued_trials_come_first() -> None:
    place = Place(enqueue=[{"learning_rate": 0.05, "batch_size": 64}])
    first, second = place.ask(2)
    assert (first.trial.enqueued, second.trial.enqueued) == (True, False)


def test_renewing_a_lease_keeps_the_trial_and_writes_nothing_to_the_log() -> None:
    place = Place()
    (run,) = place.taken()
    before = place.entries()
    for _ in range(20):
        place.passes(20)
        assert not place.service.attempts.report(run, [])
    assert place.entries() == before
    place.service.attempts.finish(run, DONE)
    assert place.leases() == []


def test_a_trial_that_reports_soon_writes_no_lease() -> None:
    place = Place()
    (run,) = place.taken()
    place.service.attempts.report(run, [Report(0, {"objective": 1.0})])
    assert place.leases() == []


def test_a_lease_that_runs_out_gives_the_trial_to_the_next_that_asks() -> None:
    place = Place(max_trials=1)
    (run,) = place.taken()
    place.passes(50)
    assert not place.ask()
    place.passes(20)
    (again,) = place.taken()
    assert (again.number, again.attempt) == (0, 2)
    assert place.service.attempts.report(run, [])


def test_an_ask_notices_that_a_lease_has_run_out() -> None:
    """Without any sweep."""
    place = Place(max_trials=1)
    place.taken(seconds=20)
    for _ in range(2):
        place.now += 9
        assert not place.ask()
    place.now += 9
    assert [run.attempt for run in place.taken()] == [2]


def test_a_service_that_starts_again_waits_for_the_whole_lease() -> None:
    """Its workers could not reach it meanwhile."""
    place = Place()
    (run,) = place.taken()
    place.now += 3600
    place.service = place.opened()
    place.service.sweep()
    assert not place.service.attempts.report(run, [])
    place.passes(50)
    assert not place.service.attempts.report(run, [])


def test_another_process_that_sees_no_renewal_gives_the_trial_back() -> None:
    """As functions do: one takes the heartbeats, another sweeps."""
    place = Place()
    (run,) = place.taken()
    asked, place.service = place.service, place.opened("there")
    for _ in range(10):
        place.passes(20)
        assert not asked.attempts.report(run, [])
    place.passes(80)
    assert asked.attempts.report(run, [])


def test_a_late_outcome_is_refused_and_a_repeated_one_changes_nothing() -> None:
    place = Place(max_trials=1)
    (late,) = place.taken()
    place.passes(80)
    with pytest.raises(Conflict, match=r"attempt 1 of trial 0 is lost: its worker .* ask for ano"):
        place.service.attempts.finish(late, DONE)
    (run,) = place.taken()
    assert place.service.attempts.finish(run, DONE).state == "COMPLETE"
    before = place.entries()
    assert place.service.attempts.finish(run, DONE).state == "COMPLETE"
    with pytest.raises(Conflict):
        place.service.attempts.finish(late, DONE)
    assert place.entries() == before


def test_the_outcome_of_an_attempt_that_was_lost_too_often_is_refused() -> None:
    place = Place(max_trials=1, max_attempts=1)
    (late,) = place.taken()
    place.passes(80)
    assert place.service.trial("default", "e", 0).state == "FAIL"
    with pytest.raises(Conflict):
        place.service.attempts.finish(late, DONE)


def test_a_trial_that_is_given_back_does_not_use_up_an_attempt() -> None:
    place = Place(max_trials=1, max_attempts=1)
    for attempt in range(1, 6):
        (run,) = place.taken()
        assert run.attempt == attempt
        assert place.service.attempts.release(run, "SIGTERM").reason == "SIGTERM"
        assert place.service.attempts.release(run, "SIGTERM").attempt == attempt + 1
    (run,) = place.taken()
    assert place.service.attempts.finish(run, DONE).state == "COMPLETE"


def test_a_worker_is_to_stop_when_the_experiment_has_ended() -> None:
    place = Place()
    (run,) = place.taken()
    place.service.stop("default", "e")
    assert place.service.attempts.report(run, [])
    assert place.service.attempts.finish(run, DONE).state == "STOPPED"


def test_a_stopping_rule_stops_a_workers_trial() -> None:
    rule = {"name": "threshold", "settings": {"upper": 1.0}}
    place = Place(early_stopping=rule)
    good, bad = place.taken(2)
    assert not place.service.attempts.report(good, [Report(0, {"objective": 0.5})])
    assert place.service.attempts.report(bad, [Report(0, {"objective": 5.0})])
    assert place.service.attempts.finish(bad, DONE).state == "PRUNED"
    assert len(place.taken(3)) == 3


def test_nothing_is_given_during_a_pause_or_by_an_experiment_that_launches() -> None:
    place = Place()
    place.service.pause("default", "e")
    experiment, none = place.service.attempts.ask("default", "e")
    assert (experiment.state, none) == ("PAUSED", [])
    place.service.submit({**SMALLEST, "name": "launched"})
    with pytest.raises(Conflict, match="are launched for it"):
        place.service.attempts.ask("default", "launched")
    with pytest.raises(NotFound):
        place.service.attempts.ask("default", "unknown")


def test_many_that_ask_at_once_get_different_trials_and_share_suggestions() -> None:
    place = Place(max_trials=64, parallel_trials=64)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: place.taken(2), range(32)))
    numbers = [run.number for runs in found for run in runs]
    assert sorted(numbers) == list(range(64))


class Slow(InstalledAlgorithms):
    """Takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()

    def load(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        return self

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        self.asked.set()
        assert self.go_on.wait(60)
        return Suggestions([{"x": random.random()} for _ in range(count)])


def test_a_slow_algorithm_does_not_occupy_all_threads() -> None:
    slow = Slow()
    space = {"x": {"type": "float", "min": 0, "max": 1}}
    place = Place(slow, max_trials=64, parallel_trials=64, hyperparameters=space)
    with ThreadPoolExecutor(32) as pool:
        asks = [pool.submit(place.taken) for _ in range(32)]
        assert slow.asked.wait(60)
        early = list(islice(as_completed(asks, timeout=60), 32 - MOST_OF_ONE))
        assert [each.result() for each in early] == [[]] * (32 - MOST_OF_ONE)
        slow.go_on.set()
        late = [each.result() for each in asks if each not in early]
    assert len({run for runs in late for run in runs}) == MOST_OF_ONE
    assert place.ask()


def test_an_ask_reads_the_log_once() -> None:
    place = Place()
    place.store = counted = Counting(place.store)
    place.service = place.opened()
    place.ask()

    def reads(call: Callable[[], object]) -> int:
        before = counted.calls["get"]
        call()
        return counted.calls["get"] - before

    look = reads(lambda: place.service.experiment("default", "e"))
    assert reads(place.ask) == look > 0


def test_processes_that_ask_at_once_get_different_trials() -> None:
    place = Place(max_trials=40, parallel_trials=40)
    services = [place.opened(f"i{n}") for n in range(4)]

    def asks(service: Service) -> list[int]:
        found = [service.attempts.ask("default", "e") for _ in range(10)]
        return [handed.trial.number for _, each in found for handed in each]

    with ThreadPoolExecutor(4) as pool:
        numbers = [n for each in pool.map(asks, services) for n in each]
    assert sorted(numbers) == list(range(40))


def test_an_algorithm_that_has_no_trial_left_ends_the_experiment() -> None:
    place = Place(
        hyperparameters={"x": {"type": "categorical", "choices": [1, 2]}},
        hpo_algorithm="grid_search",
    )
    for run in place.taken(4):
        place.service.attempts.finish(run, DONE)
    assert not place.ask()
    assert place.service.experiment("default", "e").state == "COMPLETE"


def test_the_error_names_the_token_of_another_attempt() -> None:
    place = Place()
    (handed,) = place.ask()
    with pytest.raises(Forbidden):
        place.service.attempts.authorize(handed.token, "default", "e", 1)


def test_a_purge_removes_the_remaining_leases() -> None:
    place = Place()
    (run,) = place.taken()
    place.passes(20)
    place.service.attempts.report(run, [])
    assert place.leases() == ["0.1.lease"]
    place.service.delete("default", "e")
    place.passes(200)
    assert place.leases() == []
