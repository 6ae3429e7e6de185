"""A trial that is stopped, one that is retried, notes and labels: with a fault at every call."""

from collections.abc import Mapping

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.checks import REQUEST, bare, end, submit, used
from tests.faults.world import Fault, World, distinct
from tunelet.core.experiment import Experiment
from tunelet.core.trial import Trial, TrialState
from tunelet.log.journal_cache import Journals
from tunelet.log.verify import verify
from tunelet.service import Service

AT = ("default", "e")
FAILING = 3
"""The trial that the script lets fail."""
MORE = REQUEST["max_trials"]
"""The number of the retry."""


def stop(service: Service) -> None:
    service.interventions.stop(*AT, 0)


def retry(service: Service) -> None:
    made = service.interventions.retry(*AT, FAILING, "again")
    assert made.number == MORE


def note(service: Service) -> None:
    service.interventions.note(*AT, {"note": "the experiment"})
    service.interventions.note_trial(*AT, 0, {"note": "the trial"})
    service.interventions.label(*AT, {"team": "vision"})


def acted(faults: Mapping[int, Fault], begun: list[int] | None = None) -> World:
    """The world after all acts. `begun` gets the number of calls before the first of them."""

    def first(service: Service) -> None:
        if begun is not None:
            begun.append(len(world.faults.calls))
        stop(service)

    world = World([submit, retry, note], faults, meanwhile={2: first}, objects=used())
    try:
        world.run()
        check(world)
    except BaseException as error:
        error.add_note(f"with {[(world.faults.calls[n : n + 1], faults[n]) for n in faults]}")
        raise
    return world


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_at_any_call_loses_and_repeats_nothing(fault: Fault) -> None:
    begun = list[int]()
    calm = acted({}, begun)
    for number in distinct(fault, calm.faults.calls, begun[0]):
        acted({number: fault})


def check(world: World) -> None:
    assert end(world.objects) == end(bare(world.objects)), "the log alone gives another state"
    experiment, trials = shown(world.objects)
    assert [trial.number for trial in trials] == list(range(MORE + 1))
    assert (experiment.state, experiment.terms.max_trials) == ("COMPLETE", MORE + 1)
    stopped, failed, again = trials[0], trials[FAILING], trials[MORE]
    assert stopped.state is TrialState.STOPPED
    assert 0 not in [trial.number for trial in experiment.best]
    assert failed.state is TrialState.FAIL
    assert (again.retry_of, again.state) == (FAILING, TrialState.COMPLETE)
    assert again.hyperparameters == failed.hyperparameters
    assert experiment.note == "the experiment"
    assert experiment.noted(stopped).user_note == "the trial"
    assert experiment.spec["labels"] == {"team": "vision"}
    assert world.launcher.most_active <= REQUEST["parallel_trials"]
    assert set(world.launcher.starts.values()) == {1}
    assert not world.launcher.running()
    assert verify(world.objects, *AT).findings == ()


def shown(objects: MemoryStore) -> tuple[Experiment, list[Trial]]:
    experiment, trials = Journals(objects, lambda: 0.0).history(*AT)
    return experiment, list(trials)


def test_a_run_that_is_launched_after_its_trial_was_stopped_ends() -> None:
    """The launch had been decided before."""
    world = World([submit], sweeps=False)
    world.run(until=lambda: bool(world.launcher.running()))
    service = world.calm()
    (run, *_) = world.launcher.running()
    launch = next(each for each in world.launcher.launches if each.run == run)
    world.launcher._processes.clear()
    service.interventions.stop(*AT, run.number)
    world.launcher.launch(launch)
    world.broker.queue.clear()
    service.launch(*AT)
    assert run not in world.launcher.running()
