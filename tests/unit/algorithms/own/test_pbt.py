"""Population based training through the log: which members continue, and with which changes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from algorithms import load_catalog
from tests.contracts.algorithms import LOSS
from tunelet.core.problem import Constraint, Problem, Suggestions
from tunelet.core.trial import Assignment, Trial, TrialState, plain
from tunelet.errors import Reject
from tunelet.space import Space

SPACE = Space.of(
    {
        "rate": {"type": "float", "min": 1e-4, "max": 1.0, "scale": "log"},
        "width": {"type": "int", "min": 1, "max": 64},
        "kind": {"type": "categorical", "choices": ["a", "b", "c"]},
        "depth": {"type": "quantized", "min": 1.0, "max": 64.0, "step": 0.5, "scale": "log"},
    }
)
SETTINGS = {"population_size": 4, "resample_probability": 0.0}


def ask(trials: list[Trial], count: int = 1, **settings: Any) -> Suggestions:
    problem = Problem(SPACE, (LOSS,), 3, len(trials), parallel=4)
    return load_catalog().load("pbt", SETTINGS | settings).suggest(problem, trials, count)


def ran(
    trials: list[Trial],
    answer: Suggestions,
    loss: Callable[[int], float],
    state: TrialState = TrialState.COMPLETE,
) -> list[Trial]:
    """The trials with those of the answer, ended with `loss` of the member."""
    made = list(trials)
    for place, assignment in enumerate(answer.assignments):
        note = json.loads(json.dumps(answer.notes[place]))
        values = {"objective": plain(loss(note["member"]))}
        number, parent = len(made), answer.parents[place]
        made.append(Trial(number, assignment, 0.0, state, values=values, note=note, parent=parent))
    return made


def first_generation() -> list[Trial]:
    return ran([], ask([], 4), float)


def test_the_first_stretch_of_every_member_is_drawn_and_has_no_parent() -> None:
    answer = ask([], 9)
    assert len(answer.assignments) == 4
    assert list(answer.parents) == [None] * 4
    assert len({json.dumps(one) for one in answer.assignments}) == 4


def test_the_good_go_on_and_the_worst_takes_over_from_the_best() -> None:
    trials = first_generation()
    answer = ask(trials, 4)
    by_member = {
        note["member"]: (assignment, parent)
        for assignment, note, parent in zip(
            answer.assignments, answer.notes, answer.parents, strict=True
        )
    }
    for member in (0, 1, 2):
        assert by_member[member] == (trials[member].hyperparameters, member)
    explored, parent = by_member[3]
    assert parent == 0
    assert changes(trials[0].hyperparameters, explored)


def test_a_result_that_violates_constraints_is_worse_at_any_loss() -> None:
    trials = first_generation()
    for trial in trials:
        trial.values["size"] = float(10 - trial.number)
    small = Constraint("size", max=9.0)
    problem = Problem(SPACE, (LOSS,), 3, len(trials), parallel=4, constraints=(small,))
    answer = load_catalog().load("pbt", SETTINGS).suggest(problem, trials, 4)
    taken_over = {
        note["member"]: parent
        for note, parent in zip(answer.notes, answer.parents, strict=True)
        if note["member"] != parent
    }
    # Member 0 has the least loss, and is too large.
    assert taken_over == {0: 1}


def changes(before: Assignment, after: Assignment) -> bool:
    """Each value is a factor, or a neighbour, away."""
    ratio = float(str(after["rate"])) / float(str(before["rate"]))
    wide = abs(int(str(after["width"])) - int(str(before["width"])))
    near = abs("abc".index(str(after["kind"])) - "abc".index(str(before["kind"])))
    return round(ratio, 6) in (0.8, 1.2, 1.0) and wide >= 0 and near <= 1 and before != after


def test_a_quantized_number_is_multiplied_and_rounded() -> None:
    trials = first_generation()
    answer = ask(trials, 4)
    changed = [
        (float(str(trials[parent].hyperparameters["depth"])), new["depth"])
        for new, parent in zip(answer.assignments, answer.parents, strict=True)
        if parent is not None and new != trials[parent].hyperparameters
    ]
    assert changed
    assert all(after in (round(b * 2.4) / 2, round(b * 1.6) / 2) for b, after in changed)


def test_no_member_waits_for_the_slowest_or_runs_twice() -> None:
    trials = first_generation()
    running = ran(trials, ask(trials, 2), float, TrialState.RUNNING)
    members = [one.note["member"] for one in running[4:]]
    rest = ask(running, 9)
    assert sorted([*members, *(note["member"] for note in rest.notes)]) == [0, 1, 2, 3]
    assert not ask(ran(running, rest, float, TrialState.RUNNING), 3).assignments


def test_a_member_that_failed_takes_over_from_a_good_one() -> None:
    trials = first_generation()
    failed = ran(trials, ask(trials, 4), lambda _: 0.0, TrialState.FAIL)
    answer = ask(failed, 4)
    assert set(answer.parents) <= {0, 1}


def test_trials_of_another_algorithm_and_enqueued_ones_are_left_alone() -> None:
    known = {"rate": 0.1, "width": 3, "kind": "a", "depth": 2.0}
    stranger = Trial(0, SPACE.canonical(known), 0.0)
    assert list(ask([stranger], 4).parents) == [None] * 4


def test_the_same_log_gives_the_same_population() -> None:
    trials = first_generation()
    assert ask(trials, 4) == ask(trials, 4)


def test_values_stay_in_their_bounds_however_often_they_are_changed() -> None:
    trials = first_generation()
    for generation in range(30):
        trials = ran(trials, ask(trials, 4), lambda member, g=generation: (member + g) % 4)
    assert all(not SPACE.problems(one.hyperparameters) for one in trials)
    assert len({one.hyperparameters["width"] for one in trials}) > 4


@pytest.mark.parametrize("wrong", [{"quantile_fraction": 0.7}, {"resample_probability": 2.0}])
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Reject, match=next(iter(wrong))):
        load_catalog().load("pbt", wrong)
