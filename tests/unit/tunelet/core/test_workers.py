"""Experiments whose trials workers ask for: no installation takes their slots."""

from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.decide import decide
from tunelet.core.experiment import Experiment, evolve_all
from tunelet.core.installation import ANY, Installation


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
