"""A proposal knows the state that its commands would leave, and decides each of them once."""

from collections.abc import Callable

import pytest

from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.decide import decide
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.core.installation import Installation
from tunelet.core.trial import Outcome, Report, TrialState, Verdict
from tunelet.engine import proposal as module
from tunelet.engine.proposal import Proposal
from tunelet.errors import NotFound

HERE = Installation("here", places=1)
DONE = Outcome(Verdict.COMPLETE, {"objective": 1.0})


@pytest.fixture
def running() -> Experiment:
    """One trial runs; the budget has two."""
    state = None
    for command in (c.Submit("u", {**SPEC, "max_trials": 2}), c.AddTrials(0, ({"x": 0.5},))):
        state = evolve_all(state, decide(state, command, 0.0, HERE))
    assert state is not None
    return state


def test_an_end_frees_the_slot_of_the_installation_that_proposes_it(running: Experiment) -> None:
    proposal = Proposal(running, 1.0, HERE)
    assert proposal.room == 0
    proposal.add(c.Finish(0, 1, DONE))
    assert (proposal.room, proposal.ends) == (1, True)
    proposal.add(c.AddTrials(1, ({"x": 0.7},)))
    assert (proposal.room, proposal.after.trials[1].by) == (0, "here")


def test_each_command_is_decided_once(running: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = counted(monkeypatch)
    proposal = Proposal(running, 1.0, HERE)
    proposal.add(c.Record(0, 1, (Report(1, {"objective": 2.0}),)))
    assert decided == []
    for _ in range(2):
        assert proposal.after.trials[0].reports[0].step == 1
    proposal.add(c.Finish(0, 1, DONE))
    assert proposal.after.trials[0].state is TrialState.COMPLETE
    assert [type(each) for each in decided] == [c.Record, c.Finish]
    assert proposal.reported == {0}


def test_a_command_that_the_state_does_not_allow_raises(running: Experiment) -> None:
    proposal = Proposal(running, 1.0, HERE)
    proposal.add(c.Start(7, 1))
    with pytest.raises(NotFound, match="has no trial 7"):
        _ = proposal.after


def counted(monkeypatch: pytest.MonkeyPatch) -> list[c.Command]:
    seen: list[c.Command] = []
    inner: Callable[..., object] = decide

    def spy(experiment: Experiment, command: c.Command, *more: object) -> object:
        seen.append(command)
        return inner(experiment, command, *more)

    monkeypatch.setattr(module, "decide", spy)
    return seen
