"""Grid search tries every combination once, and the whole space from the start."""

from itertools import islice, product
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.enumeration import Enumeration
from algorithms.novelty import everything
from algorithms.own.grid import GridSearch
from tests.contracts.algorithms import choices, condition, integers
from tunelet.core.problem import Objective, Problem
from tunelet.core.trial import Assignment, Trial
from tunelet.space import Space

LOSS = (Objective("objective", "minimize"),)


def text(assignment: Assignment) -> str:
    return repr(sorted(assignment.items()))


def test_it_tries_the_set_that_optunas_grid_sampler_tries() -> None:
    values = {"n": [2, 5, 8], "kind": ["a", "b"], "rate": [0.1, 0.2, 0.3]}
    space = Space.of(
        {
            "n": {"type": "int", "min": 2, "max": 8, "step": 3},
            "kind": {"type": "categorical", "choices": ["a", "b"]},
            "rate": {"type": "float", "min": 0.1, "max": 0.3, "step": 0.1},
        }
    )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.GridSampler(values, seed=1))
    study.optimize(
        lambda trial: sum(
            len(str(trial.suggest_categorical(name, options))) for name, options in values.items()
        )
    )
    theirs = {text(trial.params) for trial in study.trials}
    ours = [text(one) for one in GridSearch().combinations(space)]
    assert len(ours) == len(set(ours)) == 18
    assert set(ours) == theirs


@st.composite
def finite_spaces(draw: st.DrawFn) -> Space:
    """Up to four parameters with up to two parents each."""
    forms: dict[str, Any] = {}
    for name in "abcd"[: draw(st.integers(1, 4))]:
        form = draw(st.one_of(integers().filter(lambda one: one["max"] < 9), choices()))
        parents = draw(st.lists(st.sampled_from(sorted(forms) or ["-"]), max_size=2, unique=True))
        when = {parent: condition(draw, forms[parent]) for parent in parents if parent in forms}
        forms[name] = form | ({"when": when} if when else {})
    return Space.of(forms)


@settings(max_examples=60, deadline=None)
@given(finite_spaces())
def test_every_leaf_of_a_conditional_space_has_one_number(space: Space) -> None:
    values = [list(space.grid_values(one) or ()) for one in space]
    names = list(space.parameters)
    leaves = {
        text(space.build(lambda one, row=row: row[names.index(one.name)]))  # type: ignore[misc]
        for row in product(*values)
    }
    every = everything(space)
    assert isinstance(every, Enumeration)
    assert every.size == space.size() == len(leaves)
    assert {text(every.at(i)) for i in range(every.size)} == leaves


def test_a_space_of_astronomic_size_costs_no_more() -> None:
    wide = {"type": "int", "min": 0, "max": 2**52}
    space = Space.of(
        dict.fromkeys("abcdefgh", wide) | {"z": wide | {"when": {"a": {"min": 2**51}}}}
    )
    found = list(islice(GridSearch().combinations(space), 5))
    assert len({text(one) for one in found}) == 5


def test_many_branches_cost_no_more() -> None:
    forms: dict[str, Any] = {"root": {"type": "categorical", "choices": ["on", "off"]}}
    for i in range(40):
        forms[f"use{i}"] = {
            "type": "categorical",
            "choices": [True, False],
            "when": {"root": ["on"]},
        }
    for i in range(40):
        forms[f"n{i}"] = {"type": "int", "min": 1, "max": 3, "when": {f"use{i}": [True]}}
    space = Space.of(forms)
    grid = everything(space)
    assert grid is not None
    assert grid.size == 4**40 + 1
    assert grid.at(grid.size - 1) == {"root": "off"}


def test_continuous_hyperparameters_contribute_points_from_end_to_end() -> None:
    space = Space.of({"x": {"type": "float", "min": 0.001, "max": 10.0, "scale": "log"}})
    found = sorted(float(str(one["x"])) for one in GridSearch(points=5).combinations(space))
    assert found == pytest.approx([0.001, 0.01, 0.1, 1.0, 10.0])
    assert (found[0], found[-1]) == (0.001, 10.0)


def test_one_point_is_the_middle() -> None:
    space = Space.of({"x": {"type": "float", "min": 2.0, "max": 4.0}})
    assert list(GridSearch(points=1).combinations(space)) == [{"x": 3.0}]


def test_priors_without_bounds_contribute_quantiles() -> None:
    space = Space.of({"x": {"type": "normal", "mean": 0.0, "std": 1.0}})
    found = sorted(float(str(one["x"])) for one in GridSearch(points=3).combinations(space))
    assert found == pytest.approx([-0.9674, 0.0, 0.9674], abs=1e-4)


def test_quantized_priors_contribute_no_value_twice() -> None:
    space = Space.of({"x": {"type": "normal", "mean": 0.0, "std": 1.0, "step": 1.0}})
    found = [one["x"] for one in GridSearch(points=50).combinations(space)]
    assert sorted(found, key=str) == sorted({-2.0, -1.0, 0.0, 1.0, 2.0}, key=str)


def test_a_budget_smaller_than_the_grid_covers_the_whole_space() -> None:
    axis = {"type": "float", "min": 0.0, "max": 1.0}
    space = Space.of({"x": axis, "y": axis})
    first = list(islice(GridSearch().combinations(space), 20))
    assert len({one["x"] for one in first}) == len({one["y"] for one in first}) == 10


def test_it_continues_after_the_history_whatever_was_enqueued() -> None:
    space = Space.of({"n": {"type": "int", "min": 1, "max": 4}})
    trials = [
        Trial(number=i, hyperparameters={"n": n}, created_at=0.0) for i, n in enumerate((3, 1))
    ]
    answer = GridSearch().suggest(Problem(space, LOSS, 1, 2), trials, 9)
    assert sorted(str(one["n"]) for one in answer.assignments) == ["2", "4"]
    assert answer.exhausted


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        GridSearch(points=0)
