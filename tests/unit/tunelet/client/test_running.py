"""Trials that a Python process asks for and runs: over HTTP, against the real API."""

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request

from functions.wiring import function
from tests.serving import serving
from tests.unit.functions.conftest import LIMIT, SMALLEST, World
from tunelet.client import Client
from tunelet.client.remote import Experiment
from tunelet.client.running import RunningTrial
from tunelet.errors import Conflict, Reject, TrialPruned


class Place:
    """A service at a port, and its client."""

    def __init__(self, url: str, world: World) -> None:
        self.client = Client(url, timeout=30)
        self.world = world

    def submit(self, **fields: Any) -> Experiment:
        workers = {"workers": True}
        request = {**SMALLEST, "name": "e", "model_training_code": workers, **fields}
        return self.client.submit(request)


@pytest.fixture
def place() -> Iterator[Place]:
    world = World()
    api = Request.application(function("api", world.service, world.outbox, LIMIT))
    with serving(make_server("127.0.0.1", 0, api, threaded=True)) as port:
        yield Place(f"http://127.0.0.1:{port}", world)


def asked(experiment: Experiment, **how: Any) -> RunningTrial:
    trial = experiment.ask(**how)
    assert trial is not None
    return trial


def test_a_loop_runs_every_trial_of_the_budget(place: Place) -> None:
    experiment = place.submit(max_trials=5)
    while (trial := experiment.ask()) is not None:
        assert trial.hyperparameters.keys() == SMALLEST["hyperparameters"].keys()
        trial.tell(float(trial.number))
    assert (experiment.refresh().state, experiment.refresh().counts["complete"]) == ("COMPLETE", 5)
    assert experiment.best is not None
    assert experiment.best.number == 0


def test_the_names_of_the_objectives_are_asked_for_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request for each trial was a third of all requests of short trials."""
    experiment = place.submit(max_trials=4)
    asked_for: list[str] = []
    ask = Client.experiment
    monkeypatch.setattr(
        Client, "experiment", lambda self, name: (asked_for.append(name), ask(self, name))[1]
    )
    while (trial := experiment.ask()) is not None:
        trial.tell(1.0)
    assert asked_for == ["e"]


def test_reports_count_as_the_outcome_unless_it_has_a_value(place: Place) -> None:
    experiment = place.submit()
    trial = asked(experiment)
    trial.report(0.5)
    trial.report({"objective": 0.25, "accuracy": 0.9})
    trial.report(float("nan"), step=7)
    ended = trial.tell()
    assert [report.step for report in ended.reports] == [0, 1, 7]
    assert ended.state == "FAIL"
    assert asked(experiment).tell(1).values == {"objective": 1.0}


def test_several_objectives_are_sent_in_order_or_by_name(place: Place) -> None:
    objectives = [{"metric": "loss"}, {"metric": "size"}]
    experiment = place.submit(objectives=objectives, hpo_algorithm="nsga2")
    assert asked(experiment).tell([0.5, 3]).values == {"loss": 0.5, "size": 3.0}
    assert asked(experiment).tell({"size": 1, "loss": 2}).values == {"loss": 2.0, "size": 1.0}
    with pytest.raises(Reject, match="3 values for 2 objectives"):
        asked(experiment).tell([1, 2, 3])


def test_a_failure_and_a_pruning_are_sent_with_their_reasons(place: Place) -> None:
    experiment = place.submit()
    failed = asked(experiment).tell(failed="out of memory")
    assert (failed.state, failed.reason) == ("FAIL", "out of memory")
    assert asked(experiment).tell(pruned=True).state == "PRUNED"


def test_a_context_ends_its_trial_whatever_happens(place: Place) -> None:
    experiment = place.submit(max_trials=9, parallel_trials=9, give_up_after=0)
    with pytest.raises(ZeroDivisionError), asked(experiment):
        1 / 0  # noqa: B018
    with pytest.raises(TrialPruned), asked(experiment):
        raise TrialPruned
    with pytest.raises(KeyboardInterrupt), asked(experiment):
        raise KeyboardInterrupt
    with asked(experiment) as again:
        again.report(0.5)
    shown = [(t.number, t.attempt, t.state, t.reason) for t in experiment.trials]
    assert shown == [
        (0, 1, "FAIL", "ZeroDivisionError: division by zero"),
        (1, 1, "PRUNED", None),
        (2, 2, "COMPLETE", None),
    ]


def test_the_end_of_the_experiment_stops_the_trial(place: Place) -> None:
    experiment = place.submit()
    trial = asked(experiment)
    trial.report(0.5)
    assert not trial.should_prune()
    place.client.stop("e")
    trial.report(0.4)
    assert trial.should_prune()
    assert trial.tell(0.4).state == "STOPPED"
    assert experiment.ask() is None


def test_an_outcome_that_comes_too_late_is_refused(place: Place) -> None:
    trial = asked(place.submit())
    trial.release("preempted")
    with pytest.raises(Conflict, match="ask for another trial"):
        trial.tell(0.5)


def renewals(place: Place) -> int:
    return sum(key.endswith(".lease") for key in place.world.store.list("v1/default/e/trials/"))


def with_renewal(experiment: Experiment, **how: Any) -> tuple[RunningTrial, threading.Thread]:
    """A trial and the thread that renews its lease."""
    before = set(threading.enumerate())
    trial = asked(experiment, **how)
    new = [each for each in threading.enumerate() if each not in before]
    return trial, next(each for each in new if each.name.endswith("(_renew)"))


def test_a_thread_renews_the_lease_and_ends_with_the_trial(place: Place) -> None:
    trial, renewal = with_renewal(place.submit(), lease_seconds=5)
    assert renewal.is_alive()
    while not renewals(place):
        assert not trial.should_prune()
        renewal.join(0.05)
    trial.tell(0.5)
    renewal.join(10)
    assert not renewal.is_alive()


def test_the_lease_of_a_trial_that_is_dropped_is_not_renewed(place: Place) -> None:
    renewal = with_renewal(place.submit())[1]
    gc.collect()
    renewal.join(10)
    assert not renewal.is_alive()


def test_the_renewal_ends_when_the_experiment_is_deleted(place: Place) -> None:
    trial, renewal = with_renewal(place.submit(), lease_seconds=5)
    place.client.delete("e")
    renewal.join(10)
    assert not renewal.is_alive()
    assert trial.should_prune()


def test_an_ask_waits_for_a_free_place(place: Place) -> None:
    experiment = place.submit(parallel_trials=1)
    first = asked(experiment)
    with pytest.raises(TimeoutError, match="no trial of e could begin"):
        experiment.ask(timeout=0.2)
    found: list[RunningTrial | None] = []
    waiting = threading.Thread(target=lambda: found.append(experiment.ask()))
    waiting.start()
    first.tell(0.5)
    waiting.join(20)
    assert [each.number for each in found if each is not None] == [1]
