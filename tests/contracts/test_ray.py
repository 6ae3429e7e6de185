"""The libraries of Ray's searchers meet the contract, and learn from the log.

`make test-algorithms` installs them all.
"""

from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from algorithms import load_catalog
from tests.contracts.algorithms import LOSS, AlgorithmContract, bounded, choices, integers, priors
from tunelet.core.problem import Problem
from tunelet.core.trial import Assignment, Trial, TrialState
from tunelet.space import Space

pytestmark = pytest.mark.libraries


class Unconditional(AlgorithmContract):
    """Without conditions, and with few examples: these libraries are slow."""

    objectives = ((LOSS,),)

    def nine(self) -> Space:
        forms = {"a": {"type": "int", "min": 1, "max": 3}}
        return Space.of(forms | {"b": {"type": "categorical", "choices": ["x", "y", "z"]}})

    def spaces(self) -> st.SearchStrategy[Space]:
        forms = st.one_of(bounded(), integers(), priors(), choices())
        return st.dictionaries(st.sampled_from("abcd"), forms, min_size=1).map(Space.of)


class TestAx(Unconditional, name="ray.AxSearch"):
    """Its model begins with the sixth trial, and a new process repeats every fit, each a second."""

    examples = 3
    steps = 7


class TestBayesOpt(Unconditional, name="ray.BayesOptSearch", random_search_steps=2):
    examples = 10


class TestHebo(Unconditional, name="ray.HEBOSearch", rand_sample=16):
    """With a model only of longer histories: each suggestion takes seconds."""

    examples = 3


class TestNevergrad(Unconditional, name="ray.NevergradSearch", optimizer="OnePlusOne"): ...


class TestTuneBohb(Unconditional, name="ray.TuneBOHB"): ...


class TestZoopt(Unconditional, name="ray.ZOOptSearch"): ...


class TestBasicVariants(AlgorithmContract, name="ray.BasicVariantGenerator"): ...


class TestHyperOpt(AlgorithmContract, name="ray.HyperOptSearch"):
    objectives = ((LOSS,),)


class TestOptuna(AlgorithmContract, name="ray.OptunaSearch"): ...


del Unconditional


class TestWrapped:
    def test_they_are_the_algorithms_of_their_libraries(self) -> None:
        space = Space.of({"x": {"type": "float", "min": 0.0, "max": 1.0}})
        problem = Problem(space, (LOSS,), 1, 0)
        for name, same, settings in (
            ("ray.OptunaSearch", "optuna.TPESampler", {}),
            ("ray.HyperOptSearch", "hyperopt.tpe", {}),
            ("ray.BasicVariantGenerator", "random_search", {}),
        ):
            ours = load_catalog().load(name, settings).suggest(problem, [], 2)
            assert ours == load_catalog().load(same, {}).suggest(problem, [], 2)


@pytest.mark.parametrize(
    ("name", "settings", "count"),
    [
        ("ray.AxSearch", {}, 20),
        ("ray.BayesOptSearch", {}, 40),
        ("ray.NevergradSearch", {"optimizer": "CMA"}, 40),
        ("ray.NevergradSearch", {"optimizer": "TBPSA"}, 40),
        ("ray.TuneBOHB", {}, 40),
        ("ray.ZOOptSearch", {}, 40),
    ],
)
def test_it_finds_a_minimum_that_random_search_misses(
    name: str, settings: dict[str, Any], count: int
) -> None:
    learnt, random = run(name, settings, count), run("random_search", {}, count)
    assert sum(learnt[count // 2 :]) < sum(random[count // 2 :]) * 0.7


def test_ax_that_knows_a_trial_of_each_point_leaves_the_choice_to_a_draw() -> None:
    space = Space.of({"a": {"type": "categorical", "choices": ["x", "y"]}})
    done = [(TrialState.COMPLETE, {"objective": float(number)}) for number in range(6)]
    trials = [
        Trial(n, {"a": "x"}, 0.0, state, values=found) for n, (state, found) in enumerate(done)
    ]
    trials.append(Trial(6, {"a": "y"}, 0.0, TrialState.FAIL))
    answer = (
        load_catalog().load("ray.AxSearch", {}).suggest(Problem(space, (LOSS,), 0, 7), trials, 1)
    )
    assert answer.exhausted or answer.assignments


def test_hebos_model_repeats_its_answer_and_learns() -> None:
    """A suggestion takes seconds, so two of them have to do."""
    space = Space.of({n: {"type": "float", "min": -5.0, "max": 5.0} for n in "xyz"})
    rng, trials = Random(1), []
    for number in range(12):
        found = space.sample(rng)
        values = {"objective": measure(found)}
        trials.append(Trial(number, found, 0.0, TrialState.COMPLETE, values=values))
    asked = Problem(space, (LOSS,), 5, len(trials))
    answers = [
        load_catalog().load("ray.HEBOSearch", {}).suggest(asked, trials, 1) for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert measure(answers[0].assignments[0]) < sorted(map(loss, trials))[5]


def loss(trial: Trial) -> float:
    return float(trial.values["objective"])


def measure(assignment: Assignment) -> float:
    return sum((float(str(value)) - 2) ** 2 for value in assignment.values())


def run(name: str, settings: dict[str, Any], count: int) -> list[float]:
    space = Space.of({n: {"type": "float", "min": -5.0, "max": 5.0} for n in "xyz"})
    problem = Problem(space, (LOSS,), 5, 0, parallel=2, budget=count)
    trials: list[Trial] = []
    while len(trials) < count:
        asked = problem._replace(first=len(trials))
        for found in load_catalog().load(name, settings).suggest(asked, trials, 2).assignments:
            done = TrialState.COMPLETE
            trials.append(
                Trial(len(trials), found, 0.0, done, values={"objective": measure(found)})
            )
    return [loss(one) for one in trials]
