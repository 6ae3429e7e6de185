"""Members of an experiment: each brings its own slots, whatever order they come and go in."""

from itertools import permutations

import msgspec
import pytest

from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.decide import decide
from tunelet.core.evolve import evolve_all
from tunelet.core.experiment import Experiment
from tunelet.core.installation import ANY, Installation
from tunelet.core.trial import Outcome, Verdict

ONE = Installation("one", places=4, joins=True)
TWO = Installation("two", places=3, joins=True)
SERVICE = Installation("service", places=8)
LOST = Outcome(Verdict.LOST, reason="no sign of life")


def joins(by: Installation) -> tuple[Installation, c.Command]:
    assert by.places is not None
    return by, c.Join(by.id, by.places)


def begun(by: Installation, *sent: tuple[Installation, c.Command]) -> Experiment:
    spec = {**SPEC, "parallel_trials": 4, "max_trials": 50, "model_training_code": {"image": "i"}}
    return then(evolve_all(None, decide(None, c.Submit("u", spec), 0.0, by)), *sent)


def then(state: Experiment | None, *sent: tuple[Installation, c.Command]) -> Experiment:
    for by, command in sent:
        state = evolve_all(state, decide(state, command, 1.0, by))
    assert state is not None
    return state


def add(first: int, count: int) -> c.AddTrials:
    return c.AddTrials(first, tuple({"x": float(n)} for n in range(count)))


def parallel(state: Experiment) -> int:
    assert state.spec["parallel_trials"] == state.terms.parallel_trials
    return state.terms.parallel_trials


def test_one_that_begins_an_experiment_is_its_first_member() -> None:
    state = begun(ONE)
    assert (parallel(state), ONE.room(state), TWO.room(state)) == (4, 4, 0)


def test_the_slots_of_members_add_up_in_any_order_and_however_often_each_joins() -> None:
    three = Installation("three", places=2, joins=True)
    for order in permutations([joins(ONE), joins(TWO), joins(three), joins(TWO)]):
        assert parallel(begun(ONE, *order)) == 9


def test_a_member_that_comes_again_sets_its_slots() -> None:
    state = begun(ONE, joins(TWO), (TWO, c.Join("two", 1)))
    assert (parallel(state), TWO.room(state)) == (5, 1)


def test_each_member_has_its_own_slots_in_any_order() -> None:
    state = begun(ONE, joins(TWO), (ONE, add(0, 9)))
    assert state.next_number == 4
    state = then(state, (TWO, add(4, 9)))
    assert state.next_number == 7
    assert (ONE.room(state), TWO.room(state)) == (0, 0)


def test_a_member_that_leaves_takes_its_slots_with_it() -> None:
    state = begun(ONE, joins(TWO), (ONE, add(0, 4)), (TWO, add(4, 3)))
    state = then(state, (TWO, c.Leave("one")), (TWO, c.Leave("one")))
    assert parallel(state) == 3
    state = then(state, *((TWO, c.Finish(n, 1, LOST)) for n in range(4)))
    assert state.active == 3
    assert then(state, joins(ONE)).terms.parallel_trials == 7


def test_restarts_do_not_add_up() -> None:
    state = begun(ONE)
    for n in range(5):
        former, again = str(n) if n else "one", Installation(str(n + 1), places=4, joins=True)
        state = then(state, joins(again), (again, c.Leave(former)))
    assert (parallel(state), state.shared.slots) == (4, {"5": 4})


def test_an_installation_that_does_not_join_gets_the_remaining_slots() -> None:
    state = begun(SERVICE, joins(TWO))
    assert parallel(state) == 7
    state = then(state, (SERVICE, add(0, 9)))
    assert (state.next_number, TWO.room(state)) == (4, 3)
    assert then(state, (TWO, c.Leave("two"))).terms.parallel_trials == 7


def test_when_all_have_left_any_installation_may_have_their_slots() -> None:
    state = begun(ONE, (SERVICE, c.Leave("one")))
    assert (parallel(state), SERVICE.room(state)) == (4, 4)
    state = then(state, joins(TWO))
    assert (parallel(state), SERVICE.room(state), TWO.room(state)) == (3, 0, 3)


def test_setting_the_slots_of_all_leaves_the_members_theirs() -> None:
    state = begun(ONE, (ANY, c.Extend({"parallel_trials": 6})), joins(TWO))
    assert (parallel(state), SERVICE.room(state)) == (9, 2)


def test_fewer_slots_than_the_members_bring_hold_until_another_comes() -> None:
    state = begun(ONE, (ANY, c.Extend({"parallel_trials": 1})))
    assert ONE.room(state) == 1
    assert parallel(then(state, joins(TWO))) == 7


def test_all_members_leave_at_the_end() -> None:
    state = begun(ONE, (ANY, c.Stop()))
    assert not decide(state, c.Join("two", 3), 1.0, TWO)
    state = then(state, (ANY, c.Resume()))
    assert (parallel(state), ONE.room(state), SERVICE.room(state)) == (4, 0, 4)
    assert parallel(then(state, joins(TWO))) == 3


@pytest.mark.parametrize("joined", [False, True])
def test_a_snapshot_names_members_only_if_there_are_any(joined: bool) -> None:
    """Older code refuses a member of the state that it does not know."""
    state = begun(ONE if joined else SERVICE)
    assert ("members" in msgspec.to_builtins(state)) is joined
    assert msgspec.json.decode(msgspec.json.encode(state), type=Experiment) == state


def ahead(first: int, count: int) -> c.AddTrials:
    return c.AddTrials(first, tuple({"x": float(n)} for n in range(count)), ahead=True)


def waiting(state: Experiment) -> int:
    return sum(not trial.active for trial in state.live)


def test_trials_added_ahead_fill_the_slots_and_as_many_wait() -> None:
    state = begun(ONE, joins(TWO), (ONE, ahead(0, 100)))
    assert state.next_number == 7
    assert [trial.by for trial in state.live] == ["one"] * 4 + [""] * 3
    state = then(state, (ONE, ahead(7, 100)))
    assert (waiting(state), state.next_number) == (7, 11)
    assert then(state, (ONE, ahead(11, 100))) == state


def test_any_member_with_a_free_slot_takes_a_trial_added_ahead() -> None:
    state = begun(ONE, joins(TWO), (ONE, ahead(0, 100)))
    state = then(state, (TWO, c.Tick()))
    assert [trial.by for trial in state.live] == ["one"] * 4 + ["two"] * 3
    state = then(state, (ONE, ahead(7, 100)), (TWO, c.Finish(5, 1, LOST)))
    assert sum(trial.by == "two" for trial in state.live if trial.active) == 3


def test_trials_added_ahead_keep_to_the_budget_and_to_the_state_that_was_asked() -> None:
    state = begun(ONE, (ONE, c.Extend({"max_trials": 6})), (ONE, ahead(0, 100)), (ONE, ahead(4, 9)))
    assert state.next_number == 6
    assert then(begun(ONE), (ONE, ahead(1, 3))).next_number == 0
