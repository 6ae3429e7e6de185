"""Budgets: small for most trials, large for the best, which continue from their checkpoints."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from algorithms import load_catalog
from tests.contracts.algorithms import LOSS
from tunelet.core.curves import Curves
from tunelet.core.problem import Constraint, Demands, Problem
from tunelet.core.trial import Report, Trial, TrialState, plain
from tunelet.space import Space

SPACE = Space.of(
    {
        "x": {"type": "float", "min": 0.0, "max": 1.0},
        "epochs": {"type": "int", "min": 1, "max": 27, "scale": "log"},
    }
)
BUDGETED = {"resource": "epochs"}


def run(
    name: str,
    count: int,
    settings: dict[str, Any] = BUDGETED,
    space: Space = SPACE,
    parallel: int = 1,
    seed: int = 1,
) -> list[Trial]:
    trials: list[Trial] = []
    while len(trials) < count:
        asked = Problem(space, (LOSS,), seed, len(trials), parallel=parallel)
        answer = load_catalog().load(name, settings).suggest(asked, trials, parallel)
        notes = json.loads(json.dumps(answer.notes))
        for place, assignment in enumerate(answer.assignments):
            assert not space.problems(assignment)
            # The longer the training, the nearer to what the hyperparameters can reach.
            loss = abs(float(str(assignment["x"])) - 0.3) + 1 / float(str(assignment["epochs"]))
            trials.append(
                Trial(
                    len(trials),
                    assignment,
                    0.0,
                    TrialState.COMPLETE,
                    values={"objective": loss},
                    note=notes[place],
                    parent=answer.parents[place],
                )
            )
        if answer.exhausted:
            break
    return trials


def budgets(trials: list[Trial]) -> dict[int, int]:
    found = [int(str(one.hyperparameters["epochs"])) for one in trials]
    return {budget: found.count(budget) for budget in sorted(set(found))}


def test_each_rung_is_a_third_of_the_one_below() -> None:
    counts = budgets(run("asha", 120))
    assert list(counts) == [1, 3, 9, 27]
    # At least a third goes on; more do where better ones came later.
    assert 1 / 3 - 0.05 <= counts[3] / counts[1] < 0.5
    assert 1 / 3 - 0.1 <= counts[9] / counts[3] < 0.6
    assert counts[27] >= 1


def test_bohbs_model_uses_constraints_on_all_rungs() -> None:
    """The larger x, the better, but only up to a half of the range does it meet the constraint."""
    trials = [
        Trial(n, {"x": x, "epochs": 1}, 0.0, TrialState.COMPLETE, values=values)
        for n in range(30)
        for x in [n / 30]
        for values in [{"objective": -x, "size": x}]
    ]
    settings = BUDGETED | {"reduction_factor": 27}
    problem = Problem(SPACE, (LOSS,), 1, 30, constraints=(Constraint("size", max=0.5),))
    answer = load_catalog().load("bohb", settings).suggest(problem, trials, 11)
    new = [one for one, note in zip(answer.assignments, answer.notes, strict=True) if note is None]
    assert sum(float(str(one["x"])) <= 0.5 for one in new) > 7


def test_trials_that_violate_constraints_are_promoted_last() -> None:
    trials = [
        Trial(
            number,
            {"x": 0.3, "epochs": 1},
            0.0,
            TrialState.COMPLETE,
            # The higher the number, the better the loss, and the larger the network.
            values={"objective": 9.0 - number, "size": float(number)},
        )
        for number in range(9)
    ]
    small = Constraint("size", max=3.5)
    problem = Problem(SPACE, (LOSS,), 1, len(trials), constraints=(small,))
    answer = load_catalog().load("asha", BUDGETED).suggest(problem, trials, 3)
    assert list(answer.parents) == [3, 2, 1]


def test_a_promoted_trial_was_among_the_best_and_begins_with_its_checkpoint() -> None:
    trials = run("asha", 90)
    for trial in trials:
        if trial.parent is None:
            assert trial.hyperparameters["epochs"] == 1
            continue
        parent = trials[trial.parent]
        assert trial.hyperparameters["x"] == parent.hyperparameters["x"]
        assert trial.hyperparameters["epochs"] == 3 * int(str(parent.hyperparameters["epochs"]))
        rung = [
            one.values["objective"]
            for one in trials[: trial.number]
            if one.hyperparameters["epochs"] == parent.hyperparameters["epochs"]
        ]
        assert sorted(rung).index(parent.values["objective"]) < len(rung) // 3
    parents = [one.parent for one in trials if one.parent is not None]
    assert len(parents) == len(set(parents))


def test_failed_and_unknown_trials_are_not_promoted() -> None:
    asked = Problem(SPACE, (LOSS,), 1, 30)
    for state, values in [
        (TrialState.FAIL, {"objective": 0.0}),
        (TrialState.COMPLETE, {"objective": "NaN"}),
        (TrialState.RUNNING, {}),
    ]:
        trials = [
            Trial(n, {"x": n / 30, "epochs": 1}, 0.0, state, values=dict(values)) for n in range(30)
        ]
        answer = load_catalog().load("asha", BUDGETED).suggest(asked, trials, 3)
        assert list(answer.parents) == [None] * 3


def test_hyperband_begins_some_trials_higher_and_compares_them_with_their_like() -> None:
    trials = run("hyperband", 150)
    first = budgets([one for one in trials if one.parent is None])
    assert list(first) == [1, 3, 9, 27]
    assert first[1] > first[3] > first[9]


def test_bohb_keeps_away_from_failures() -> None:
    ended = run("bohb", 60)
    trials = [failed(one) if float(str(one.hyperparameters["x"])) > 0.5 else one for one in ended]
    new = []
    for seed in range(30):
        asked = Problem(SPACE, (LOSS,), seed, 60)
        found = load_catalog().load("bohb", BUDGETED).suggest(asked, trials, 1)
        new += [
            one["x"] for one, note in zip(found.assignments, found.notes, strict=True) if not note
        ]
    assert len(new) == 30
    assert sum(float(str(x)) > 0.5 for x in new) < 4


def failed(trial: Trial) -> Trial:
    return replace(trial, state=TrialState.FAIL, values={}, exit_code=1)


def test_bohb_draws_nearer_to_the_best_than_hyperband() -> None:
    def distance(name: str) -> float:
        new = [one for one in run(name, 120) if one.parent is None][40:]
        return sorted(abs(float(str(one.hyperparameters["x"])) - 0.3) for one in new)[len(new) // 2]

    assert distance("bohb") < distance("hyperband") / 2


def test_a_finite_space_ends_when_nothing_is_left_to_promote() -> None:
    space = Space.of(
        {
            "x": {"type": "float", "min": 0.0, "max": 0.8, "step": 0.1},
            "epochs": {"type": "int", "min": 1, "max": 9},
        }
    )
    trials = run("asha", 100, space=space)
    assert budgets(trials) == {1: 9, 3: 3, 9: 1}


def test_the_bounds_of_the_budget_can_be_set() -> None:
    settings = {"resource": "epochs", "min_resource": 2, "max_resource": 8, "reduction_factor": 2}
    assert list(budgets(run("asha", 60, settings))) == [2, 4, 8]


def test_a_quantized_hyperparameter_may_be_the_budget() -> None:
    epochs = {"type": "quantized", "min": 2.0, "max": 54.0, "step": 2.0, "integer": True}
    space = Space.of({"x": {"type": "float", "min": 0.0, "max": 1.0}, "epochs": epochs})
    assert list(budgets(run("asha", 60, space=space))) == [2, 6, 18, 54]


@pytest.mark.parametrize(
    ("forms", "resource", "message"),
    [
        ({"x": {"type": "float", "min": 0.0, "max": 1.0}}, "x", "cannot be a budget"),
        ({"x": {"type": "categorical", "choices": [1, 2]}}, "x", "cannot be a budget"),
        ({"x": {"type": "int", "min": 1, "max": 3}}, "y", "is not a hyperparameter"),
        (
            {
                "a": {"type": "int", "min": 1, "max": 3},
                "b": {"type": "int", "min": 1, "max": 3, "when": {"a": [1]}},
            },
            "a",
            "is part of a condition",
        ),
    ],
)
def test_a_hyperparameter_that_cannot_be_a_budget_is_refused(
    forms: Any, resource: str, message: str
) -> None:
    demands = Demands(Space.of(forms))
    (error,) = load_catalog().problems("asha", {"resource": resource}, demands)
    assert error.field == "hpo_algorithm.settings.resource"
    assert message in error.message
    assert error.remedy


def test_without_a_budget_trials_are_stopped_by_their_reports() -> None:
    catalog_ = load_catalog()
    assert catalog_.stops("asha")
    rule: Any = catalog_.load("asha", {"min_resource": 1})
    curves = Curves(LOSS)
    for n in range(9):
        reports = (Report(1, {"objective": plain(float(n))}),)
        curves.take(Trial(n, {}, 0.0, TrialState.RUNNING, reports=reports))
    assert [rule.stops(curves, n) is None for n in range(9)] == [True] * 3 + [False] * 6
    budgeted: Any = catalog_.load("asha", BUDGETED)
    assert budgeted.stops(curves, 8) is None
