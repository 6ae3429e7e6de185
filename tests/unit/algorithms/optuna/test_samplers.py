"""Optuna's samplers behave through the log as in one process of Optuna."""

import json
from collections.abc import Callable
from typing import Any

import optuna
import pytest

from algorithms import load_catalog
from tests.contracts.algorithms import LOSS, SPEED
from tunelet.core.problem import Constraint, Demands, Objective, Problem
from tunelet.core.trial import Assignment, Trial, TrialState, plain
from tunelet.space import Space

FLOATS = Space.of({name: {"type": "float", "min": -5.0, "max": 5.0} for name in "xyz"})
FINITE = Space.of(
    {
        "a": {"type": "int", "min": 1, "max": 4},
        "b": {"type": "categorical", "choices": ["p", "q"], "when": {"a": {"min": 3}}},
    }
)
Measure = Callable[[Assignment], dict[str, float]]


def sphere(assignment: Assignment) -> dict[str, float]:
    return {"objective": sum((float(str(value)) - 2) ** 2 for value in assignment.values())}


def run(
    name: str,
    settings: dict[str, Any],
    space: Space,
    count: int,
    measure: Measure = sphere,
    parallel: int = 1,
    **problem: Any,
) -> list[Trial]:
    """The loop of the service: all that lasts from call to call has gone through JSON."""
    trials: list[Trial] = []
    memory: Any = None
    asked = Problem(space, problem.pop("objectives", (LOSS,)), 3, 0, **problem)
    while len(trials) < count:
        begun = len(trials)
        answer = (
            load_catalog()
            .load(name, settings)
            .suggest(asked._replace(first=begun, memory=memory), trials, parallel)
        )
        memory, notes = json.loads(json.dumps([answer.memory, answer.notes]))
        for place, assignment in enumerate(answer.assignments):
            values = {key: plain(value) for key, value in measure(assignment).items()}
            note = notes[place] if notes else None
            state = TrialState.COMPLETE
            made = Trial(begun + place, assignment, 0.0, state, values=values, note=note)
            trials.append(made)
        if answer.exhausted:
            break
    return trials


def losses(trials: list[Trial]) -> list[float]:
    return [float(one.values["objective"]) for one in trials]


def best_of_optuna(sampler: optuna.samplers.BaseSampler, count: int) -> float:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        return sphere({name: trial.suggest_float(name, -5, 5) for name in "xyz"})["objective"]

    study.optimize(objective, n_trials=count)
    return study.best_value


@pytest.mark.parametrize(
    ("name", "settings", "sampler"),
    [
        ("cma_es", {}, optuna.samplers.CmaEsSampler),
        ("nsga2", {"population_size": 10}, optuna.samplers.NSGAIISampler),
    ],
)
def test_generations_go_on_from_call_to_call(name: str, settings: Any, sampler: Any) -> None:
    """Each call begins in a process that knows nothing but the log."""
    ours = sorted(min(losses(run(name, settings, FLOATS, 120))) for _ in range(1))
    theirs = sorted(best_of_optuna(sampler(seed=seed, **settings), 120) for seed in range(5))
    assert ours[0] <= theirs[-1] * 2


def test_cma_es_keeps_its_state_in_the_notes_of_trials() -> None:
    trials = run("cma_es", {"popsize": 6}, FLOATS, 40)
    generations = [one.note["optuna"]["cma:generation"] for one in trials if one.note]
    assert generations == sorted(generations)
    assert generations[-1] >= 5
    lost = [Trial(t.number, t.hyperparameters, 0.0, t.state, values=t.values) for t in trials]
    asked = Problem(FLOATS, (LOSS,), 3, 40)
    algorithm = load_catalog().load("cma_es", {"popsize": 6})
    assert algorithm.suggest(asked, lost, 1) != algorithm.suggest(asked, trials, 1)


def test_parents_of_the_newest_generations_are_the_memory() -> None:
    trials = run("nsga2", {"population_size": 5}, FLOATS, 40)
    asked = Problem(FLOATS, (LOSS,), 3, 40)
    answer = load_catalog().load("nsga2", {"population_size": 5}).suggest(asked, trials, 1)
    parents = [key for key in answer.memory["optuna"] if ":parent:" in key]
    assert 0 < len(parents) <= 2


@pytest.mark.parametrize("parallel", [1, 3])
def test_quasi_random_points_are_those_of_one_sequence(parallel: int) -> None:
    trials = run("optuna.QMCSampler", {}, FLOATS, 33, parallel=parallel)
    points = [tuple(one.hyperparameters.values()) for one in trials]
    assert len(set(points)) == len(points)
    # Of a sequence of low discrepancy, each sixteenth of a range has its share; the first
    # trials, before there is a space to infer, are Optuna's independent draws.
    for axis in range(3):
        cells = [int((float(str(point[axis])) + 5) / 10 * 8) for point in points[parallel:]]
        assert min(cells.count(cell) for cell in range(8)) >= 2


@pytest.mark.parametrize("name", ["optuna.BruteForceSampler", "optuna.GridSampler"])
def test_a_finite_space_is_gone_through_and_exhausted(name: str) -> None:
    trials = run(name, {}, FINITE, 50, lambda _: {"objective": 1.0}, parallel=2)
    assert len(trials) == FINITE.size() == 6
    assert len({json.dumps(one.hyperparameters) for one in trials}) == 6


@pytest.mark.parametrize("name", ["optuna.BruteForceSampler", "optuna.GridSampler"])
def test_infinite_hyperparameters_are_refused_at_submit(name: str) -> None:
    errors = load_catalog().problems(name, {}, Demands(FLOATS))
    assert len(errors) == 3
    assert all("infinitely many values" in error.message for error in errors)


def test_a_grid_has_all_values_of_finite_hyperparameters() -> None:
    half = {
        "x": {"type": "float", "min": 0.0, "max": 1.0},
        "a": {"type": "int", "min": 1, "max": 2},
    }
    settings = {"search_space": {"x": [0.25, 0.75]}}
    assert not load_catalog().problems("optuna.GridSampler", settings, Demands(Space.of(half)))
    trials = run("optuna.GridSampler", settings, Space.of(half), 50)
    found = {tuple(one.hyperparameters.values()) for one in trials}
    assert len(trials) == len(found)
    assert found == {(0.25, 1), (0.25, 2), (0.75, 1), (0.75, 2)}


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_grid_of_listed_values_tries_nothing_else(parallel: int) -> None:
    """Though branches make some of its combinations one assignment, and the space has others."""
    settings = {"search_space": {"a": [3, 1, 2], "b": ["q"]}}
    one = {"objective": 1.0}
    trials = run("optuna.GridSampler", settings, FINITE, 50, lambda _: one, parallel=parallel)
    found = sorted(json.dumps(one.hyperparameters) for one in trials)
    assert found == ['{"a": 1}', '{"a": 2}', '{"a": 3, "b": "q"}']


def test_fixed_values_are_the_users_and_the_rest_the_samplers() -> None:
    settings = {"fixed_params": {"x": 1.5}, "base_sampler": {"name": "TPESampler"}}
    trials = run("optuna.PartialFixedSampler", settings, FLOATS, 12)
    assert {one.hyperparameters["x"] for one in trials} == {1.5}
    assert len({one.hyperparameters["y"] for one in trials}) == 12


@pytest.mark.parametrize("wrong", ["nothing", {"name": "os.System"}, {}])
def test_a_base_sampler_is_one_of_optunas(wrong: Any) -> None:
    settings = {"fixed_params": {"x": 1.5}, "base_sampler": wrong}
    with pytest.raises(ValueError, match="not a sampler of Optuna"):
        run("optuna.PartialFixedSampler", settings, FLOATS, 1)


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_samplers_prefer_trials_that_meet_constraints(name: str) -> None:
    """The best point breaks the constraint x <= 0: later trials mostly keep it."""

    def measured(assignment: Assignment) -> dict[str, float]:
        return sphere(assignment) | {"x": float(str(assignment["x"]))}

    settings = {"population_size": 10} if name == "nsga2" else {}
    heeding = run(name, settings, FLOATS, 100, measured, constraints=(Constraint("x", max=0.0),))
    heedless = run(name, settings, FLOATS, 100, measured)
    kept = [sum(float(t.values["x"]) <= 0 for t in them[50:]) for them in (heeding, heedless)]
    assert kept[0] > 25 > kept[1]


def test_samplers_learn_from_other_experiments() -> None:
    prior = run("tpe", {}, FLOATS, 60)
    (cold,) = run("tpe", {}, FLOATS, 1)
    (warm,) = run("tpe", {}, FLOATS, 1, prior=prior)
    assert losses([warm])[0] < losses([cold])[0]


def test_several_objectives_have_a_front() -> None:
    def measured(assignment: Assignment) -> dict[str, float]:
        x = float(str(assignment["x"]))
        return {"objective": x**2, "speed": -((x - 2) ** 2)}

    trials = run("nsga2", {"population_size": 10}, FLOATS, 80, measured, objectives=(LOSS, SPEED))
    inside = [-0.5 <= float(str(one.hyperparameters["x"])) <= 2.5 for one in trials]
    assert sum(inside[40:]) > sum(inside[:40])


def test_the_direction_is_kept() -> None:
    best = Objective("objective", "maximize")
    trials = run("cma_es", {}, FLOATS, 60, objectives=(best,))
    assert max(losses(trials[30:])) > max(losses(trials[:10]))
