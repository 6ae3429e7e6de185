"""Several installations over one log: the owner of each slot, and what each may take."""

import msgspec
import pytest

from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core import events
from tunelet.core.decide import decide
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.core.installation import ANY, Installation
from tunelet.core.trial import Outcome, Trial, Verdict

HERE, THERE = Installation("here"), Installation("there")
LOST = Outcome(Verdict.LOST, reason="no sign of life")
DONE = Outcome(Verdict.COMPLETE, {"objective": 1.0})


def after(*sent: tuple[Installation, c.Command]) -> Experiment:
    """The state after these commands, each sent by an installation."""
    spec = {**SPEC, "parallel_trials": 4, "max_trials": 8, "model_training_code": {"image": "i"}}
    state = evolve_all(None, decide(None, c.Submit("u", spec), 0.0, HERE))
    for by, command in sent:
        state = evolve_all(state, decide(state, command, 1.0, by))
    assert state is not None
    return state


def add(first: int, count: int) -> c.AddTrials:
    return c.AddTrials(first, tuple({"x": float(n)} for n in range(count)))


def owners(state: Experiment) -> dict[int, str]:
    return {n: trial.by for n, trial in state.trials.items() if trial.active}


def test_the_installation_that_adds_trials_has_their_slots() -> None:
    state = after((HERE, add(0, 2)), (THERE, add(2, 4)))
    assert owners(state) == {0: "here", 1: "here", 2: "there", 3: "there"}
    assert [HERE.owns(trial) for trial in state.live] == [True, True, False, False]


def test_the_installation_that_ends_a_trial_gets_its_slot() -> None:
    enqueued = c.Enqueue(({"x": 0.1}, {"x": 0.2}))
    state = after((HERE, add(0, 4)), (HERE, enqueued), (THERE, c.Finish(0, 1, DONE)))
    assert owners(state) == {1: "here", 2: "here", 3: "here", 4: "there"}


def test_a_lost_trial_is_taken_over_with_its_next_attempt() -> None:
    state = after((HERE, add(0, 1)), (HERE, c.Start(0, 1)), (THERE, c.Finish(0, 1, LOST)))
    trial = state.trials[0]
    assert (trial.by, trial.attempt, trial.reserved) == ("there", 2, True)
    assert not decide(state, c.Finish(0, 1, DONE), 2.0, HERE)
    assert not decide(state, c.Start(0, 1), 2.0, HERE)


def test_a_lost_trial_without_a_slot_belongs_to_no_installation() -> None:
    """The installation that reports the loss has no slot for it."""
    full = Installation("there", places=0)
    state = after((HERE, add(0, 1)), (HERE, c.Start(0, 1)), (full, c.Finish(0, 1, LOST)))
    assert (state.trials[0].by, state.trials[0].reserved) == ("", False)
    assert owners(evolve_all(state, decide(state, c.Tick(), 2.0, HERE)) or state) == {0: "here"}


def test_no_one_takes_more_slots_than_it_has_places() -> None:
    small = Installation("here", places=2)
    state = after((small, add(0, 4)))
    assert owners(state) == {0: "here", 1: "here"}
    assert (small.room(state), THERE.room(state)) == (0, 2)
    both = evolve_all(state, decide(state, add(2, 4), 1.0, THERE))
    assert both is not None
    assert owners(both) == {0: "here", 1: "here", 2: "there", 3: "there"}
    assert not decide(both, add(4, 1), 1.0, THERE)


def test_trials_that_it_cannot_run_are_left_to_the_submitting_installation() -> None:
    blind = Installation("there", can_run=lambda code: False)
    state = after()
    assert (blind.takes(state), blind.room(state)) == (False, 0)
    assert not decide(state, add(0, 2), 1.0, blind)
    own = Installation("here", can_run=lambda code: False)
    assert own.takes(state)
    assert own.room(state) == 4
    assert blind.of(state) == Installation("there", 0)


@pytest.mark.parametrize("by", ["", "here"])
def test_a_run_without_an_installation_in_the_log_belongs_to_all(by: str) -> None:
    trial = Trial(0, {}, 0.0, by=by)
    assert HERE.owns(trial)
    assert ANY.owns(trial)
    assert THERE.owns(trial) is not bool(by)


def test_an_entry_names_the_installation_of_a_slot_only_if_it_is_known() -> None:
    old = events.AttemptReserved(3, 1)
    assert msgspec.json.encode(old) == b'{"type":"AttemptReserved","number":3,"attempt":1}'
    assert b'"by":"here"' in msgspec.json.encode(events.AttemptReserved(3, 1, "here"))
