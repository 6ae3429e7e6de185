"""Experiments with workers: no installation takes their slots."""

import pytest

from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.decide import decide
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.core.installation import ANY, Installation
from tunelet.core.trial import Outcome, Verdict
from tunelet.errors import Conflict

DONE = Outcome(Verdict.COMPLETE, {"objective": 1.0})
GONE = Outcome(Verdict.LOST, reason="no sign of life")


def submitted(**fields: object) -> Experiment:
    spec = {**SPEC, "model_training_code": {"workers": True}, **fields}
    state = evolve_all(None, decide(None, c.Submit("u", spec), 0.0))
    assert state is not None
    return state


def test_no_installation_takes_slots_or_adds_trials() -> None:
    state = submitted(enqueue=[{"x": 0.5}])
    for by in (ANY, Installation("here")):
        assert not decide(state, c.Tick(), 1.0, by)
        assert (by.slots(state), by.room(state)) == (0, 0)


def after(state: Experiment, *sent: c.Command) -> Experiment:
    for command in sent:
        state = evolve_all(state, decide(state, command, 1.0)) or state
    return state


def add(first: int, count: int) -> c.AddTrials:
    return c.AddTrials(first, tuple({"x": float(n)} for n in range(count)))


def held(state: Experiment, by: str) -> list[int]:
    return [trial.number for trial in state.live if trial.by == by]


def test_suggested_trials_wait_until_a_worker_takes_them() -> None:
    state = after(submitted(), add(0, 3))
    assert state.active == 0
    state = after(state, c.Ask(2, "lease/60/a"))
    assert held(state, "lease/60/a") == [0, 1]
    assert [trial.state for trial in state.live] == ["RUNNING", "RUNNING", "WAITING"]


def test_a_request_that_comes_twice_takes_no_more_trials() -> None:
    state = after(submitted(), add(0, 4), c.Ask(1, "lease/60/a"))
    assert not decide(state, c.Ask(1, "lease/60/a"), 1.0)
    ended = after(state, c.Finish(0, 1, DONE))
    assert not decide(ended, c.Ask(1, "lease/60/a"), 1.0)


def test_workers_take_no_more_than_parallel_trials() -> None:
    enqueued = [{"x": 0.1}] * 6
    state = submitted(enqueue=enqueued)
    state = after(state, c.Ask(3, "lease/60/a"), c.Ask(3, "lease/60/b"))
    assert (held(state, "lease/60/a"), held(state, "lease/60/b")) == ([0, 1, 2], [3])


def test_a_lost_trial_is_taken_first_and_ends_after_max_attempts() -> None:
    state = after(submitted(), add(0, 2), c.Ask(1, "lease/60/a"), c.Finish(0, 1, GONE))
    assert (state.trials[0].by, state.trials[0].attempt) == ("", 2)
    state = after(state, c.Ask(1, "lease/60/b"), c.Finish(0, 2, GONE))
    state = after(state, c.Ask(1, "lease/60/c"), c.Finish(0, 3, GONE))
    assert (state.trials[0].state, state.trials[0].lost) == ("FAIL", True)


def test_nothing_is_taken_from_an_experiment_that_is_paused_or_launches_its_trials() -> None:
    paused = after(submitted(), add(0, 2), c.Pause())
    assert not decide(paused, c.Ask(1, "lease/60/a"), 1.0)
    with pytest.raises(Conflict, match="are launched for it"):
        decide(submitted(model_training_code={"image": "i"}), c.Ask(1, "lease/60/a"), 1.0)


def test_no_installation_manages_a_workers_trial() -> None:
    state = after(submitted(), add(0, 1), c.Ask(1, "lease/60/a"))
    assert not any(by.owns(state.trials[0]) for by in (ANY, Installation("here")))
