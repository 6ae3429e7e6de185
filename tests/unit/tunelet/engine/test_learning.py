"""Warm start, constraints and stopping rules of an experiment."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from adapters.storage.memory import MemoryStore
from algorithms.catalog.installed import InstalledAlgorithms
from tests.faults.training import ScriptedLauncher, place
from tunelet.assembly import assembled
from tunelet.core.curves import Curves
from tunelet.core.problem import Demands, Problem, Suggestions
from tunelet.core.run import Run
from tunelet.core.signal import FINISHED, LAUNCH, Signal
from tunelet.core.trial import Outcome, Report, Trial, TrialState, Verdict
from tunelet.errors import FieldError, NotFound, Reject
from tunelet.ports import Algorithm, StoppingRule
from tunelet.service import Service

REQUEST: dict[str, Any] = {
    "name": "e",
    "model_training_code": "image",
    "hyperparameters": {"x": {"type": "float", "min": 0.0, "max": 9.0}},
    "hpo_algorithm": "random_search",
    "max_trials": 4,
    "parallel_trials": 2,
}
AT = ("default", "e")


class Above:
    """Stops a trial above 5, and the experiment once three trials have ended."""

    def stops(self, curves: Curves, number: int) -> str | None:
        values = curves[number].values
        return "it is above 5" if values and values[-1] > 5 else None

    def ends(self, curves: Curves) -> str | None:
        return "three are enough" if len(curves.finished) >= 3 else None


class Broken(Above):
    def stops(self, curves: Curves, number: int) -> str | None:
        raise RuntimeError("out of order")


class Heir:
    """Every trial except the first continues from trial 0, and counts in its notes."""

    asked: Problem | None = None

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        Heir.asked = problem
        numbers = range(problem.first, problem.first + count)
        return Suggestions(
            [{"x": float(n)} for n in numbers],
            notes=[{"n": n} for n in numbers],
            parents=[0 if n else None for n in numbers],
        )


class Known(InstalledAlgorithms):
    def load(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        return Heir() if settings == {} else super().load(name, settings)

    def light(self, name: str) -> bool:
        return False

    def rule_problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands, field: str
    ) -> list[FieldError]:
        return []

    def rule(self, name: str, settings: Mapping[str, Any]) -> StoppingRule:
        return Broken() if name == "broken" else Above()


class Nowhere:
    def __init__(self) -> None:
        self.topics: list[str] = []

    def publish(self, signal: Signal) -> None:
        self.topics.append(signal.topic)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def launcher() -> ScriptedLauncher:
    return ScriptedLauncher()


@pytest.fixture
def service(store: MemoryStore, launcher: ScriptedLauncher) -> Service:
    return served(store, launcher, time.time)


def served(
    store: MemoryStore,
    launcher: ScriptedLauncher,
    clock: Callable[[], float],
    publisher: Nowhere | None = None,
) -> Service:
    parts = store, launcher, Known(), publisher or Nowhere()
    return assembled(*parts, secret=b"s", api_url="http://localhost", clock=clock)


def begun(service: Service, **fields: Any) -> str:
    """Begin an experiment until its first trials run; returns its uid."""
    experiment = service.submit({**REQUEST, **fields})
    service.suggest("default", experiment.name)
    service.launch("default", experiment.name)
    return experiment.uid


def end(service: Service, run: Run, **values: float) -> None:
    service.attempts.finish(run, Outcome(Verdict.COMPLETE, dict(values)))


def test_the_best_trial_meets_the_constraints(service: Service) -> None:
    uid = begun(service, constraints=[{"metric": "ms", "max": 10}], parallel_trials=3)
    end(service, Run(*AT, uid, 0, 1), objective=1.0, ms=11.0)
    end(service, Run(*AT, uid, 1, 1), objective=2.0)
    assert service.best(*AT) == []
    end(service, Run(*AT, uid, 2, 1), objective=3.0, ms=10.0)
    assert [trial.number for trial in service.best(*AT)] == [2]


def test_a_trial_begins_once_with_its_parents_checkpoint(
    service: Service, store: MemoryStore, launcher: ScriptedLauncher
) -> None:
    uid = begun(service, parallel_trials=1)
    store.put(f"v1/default/e/trials/{uid}/0/model/weights", b"of 0")
    end(service, Run(*AT, uid, 0, 1), objective=1.0)
    service.suggest(*AT)
    service.launch(*AT)
    child = service.trial(*AT, 1)
    assert (child.parent, child.note) == (0, {"n": 1})
    weights = place(launcher.launches[1]) + "/model/weights"
    copied = store.get(weights)
    assert copied is not None
    assert copied.data == b"of 0"
    store.put(weights, b"of 1")
    service.launch(*AT)
    kept = store.get(weights)
    assert kept is not None
    assert kept.data == b"of 1"


def test_a_rule_stops_a_trial_at_its_report_with_the_reason(service: Service) -> None:
    uid = begun(service, early_stopping="above")
    assert service.attempts.report(Run(*AT, uid, 0, 1), [Report(1, {"objective": 4.0})]) is False
    assert service.attempts.report(Run(*AT, uid, 0, 1), [Report(2, {"objective": 6.0})]) is True
    trial = service.trial(*AT, 0)
    assert (trial.state, trial.reason) == (TrialState.PRUNED, "it is above 5")
    assert trial.values["objective"] == 6.0


@pytest.mark.parametrize(("source", "seconds"), [("stdout", 0), ("push", 30)])
def test_a_run_that_a_rule_stopped_is_ended_unless_it_may_have_heard_of_it(
    store: MemoryStore, launcher: ScriptedLauncher, source: str, seconds: int
) -> None:
    now = [1e9]
    service = served(store, launcher, lambda: now[0])
    uid = begun(service, early_stopping="above", metrics={"source": source}, parallel_trials=2)
    stopped, other = Run(*AT, uid, 0, 1), Run(*AT, uid, 1, 1)
    assert service.attempts.report(stopped, [Report(1, {"objective": 6.0})]) is True
    service.launch(*AT)
    assert (stopped in launcher.active(*AT)) == (seconds > 0)
    now[0] += seconds
    service.launch(*AT)
    assert stopped not in launcher.active(*AT)
    assert other in launcher.active(*AT)


def test_a_verdict_that_was_lost_is_found_again_by_sweep(
    service: Service, store: MemoryStore
) -> None:
    """The report came in before there was a rule."""
    uid = begun(service)
    assert service.attempts.report(Run(*AT, uid, 0, 1), [Report(1, {"objective": 7.0})]) is False
    service.extend(*AT, {"early_stopping": "above"})
    assert service.trial(*AT, 0).state is TrialState.RUNNING
    service.sweep()
    assert service.trial(*AT, 0).state is TrialState.PRUNED


def test_a_rule_ends_the_experiment(service: Service) -> None:
    uid = begun(service, early_stopping="above", max_trials=9, parallel_trials=3)
    for number in range(3):
        end(service, Run(*AT, uid, number, 1), objective=1.0)
    experiment = service.experiment(*AT)
    assert (experiment.state, experiment.reason) == ("COMPLETE", "three are enough")


def test_a_rule_that_fails_on_observed_values_ends_the_experiment_and_its_runs(
    store: MemoryStore, launcher: ScriptedLauncher
) -> None:
    """The entry has no end of an attempt."""
    heard = Nowhere()
    service = served(store, launcher, time.time, heard)
    begun(service, early_stopping="broken")
    launcher.tick()
    heard.topics.clear()
    service.collect(*AT, 0)
    experiment = service.experiment(*AT)
    assert (experiment.state, experiment.reason) == (
        "FAILED",
        "a stopping rule failed: out of order",
    )
    assert set(heard.topics) == {LAUNCH, FINISHED}


def test_ended_trials_of_earlier_experiments_teach_the_algorithm(service: Service) -> None:
    uid = begun(service)
    end(service, Run(*AT, uid, 0, 1), objective=1.0)
    begun(service, name="later", warm_start=["e"])
    assert Heir.asked is not None
    assert [trial.values for trial in Heir.asked.prior] == [{"objective": 1.0}]


def test_an_absent_earlier_experiment_is_named(service: Service) -> None:
    with pytest.raises(Reject) as refusal:
        begun(service, warm_start=["e", "absent"])
    assert [error.field for error in refusal.value.errors][-1] == "warm_start[1]"
    with pytest.raises(NotFound):
        service.experiment(*AT)


def test_another_algorithm_does_not_get_the_memory_of_the_first(service: Service) -> None:
    begun(service)
    service.extend(*AT, {"hpo_algorithm": "grid_search"})
    experiment = service.experiment(*AT)
    assert experiment.spec["hpo_algorithm"] == {"name": "grid_search", "settings": {}}
    assert experiment.memory is None
