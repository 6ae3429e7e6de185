"""Random search draws from the prior that the space names, and nothing twice."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from hyperopt import Trials, hp, rand, space_eval
from hyperopt.base import Domain
from scipy.stats import chi2_contingency, ks_2samp

from algorithms.own.random import RandomSearch
from tunelet.core.problem import Objective, Problem
from tunelet.core.trial import Trial
from tunelet.space import Space

LOSS = (Objective("objective", "minimize"),)
DRAWS = 2000


def drawn(form: dict[str, Any], seed: int = 0) -> list[Any]:
    """One value each of experiments that differ in their seed."""
    space = Space.of({"x": form})
    return [
        RandomSearch().suggest(Problem(space, LOSS, seed + i, 0), [], 1).assignments[0]["x"]
        for i in range(DRAWS)
    ]


def drawn_by_optuna(distribution: optuna.distributions.BaseDistribution) -> list[Any]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    return [study.ask({"x": distribution}).params["x"] for _ in range(DRAWS)]


@pytest.mark.parametrize(
    ("form", "distribution"),
    [
        (
            {"type": "float", "min": 1.0, "max": 5.0},
            optuna.distributions.FloatDistribution(1.0, 5.0),
        ),
        (
            {"type": "float", "min": 1e-5, "max": 1.0, "scale": "log"},
            optuna.distributions.FloatDistribution(1e-5, 1.0, log=True),
        ),
    ],
)
def test_floats_are_distributed_as_optuna_distributes_them(
    form: dict[str, Any], distribution: optuna.distributions.BaseDistribution
) -> None:
    assert ks_2samp(drawn(form), drawn_by_optuna(distribution)).pvalue > 0.01


@pytest.mark.parametrize(
    ("form", "distribution"),
    [
        (
            {"type": "float", "min": 0.0, "max": 1.0, "step": 0.25},
            optuna.distributions.FloatDistribution(0.0, 1.0, step=0.25),
        ),
        ({"type": "int", "min": 3, "max": 9}, optuna.distributions.IntDistribution(3, 9)),
        (
            {"type": "int", "min": 1, "max": 11, "step": 5},
            optuna.distributions.IntDistribution(1, 11, step=5),
        ),
        (
            {"type": "int", "min": 1, "max": 16, "scale": "log"},
            optuna.distributions.IntDistribution(1, 16, log=True),
        ),
        (
            {"type": "categorical", "choices": ["a", "b", None]},
            optuna.distributions.CategoricalDistribution(["a", "b", None]),
        ),
    ],
)
def test_discrete_values_are_as_frequent_as_optuna_makes_them(
    form: dict[str, Any], distribution: optuna.distributions.BaseDistribution
) -> None:
    ours, theirs = Counter(drawn(form)), Counter(drawn_by_optuna(distribution))
    assert ours.keys() == theirs.keys()
    table = [[counts[value] for value in ours] for counts in (ours, theirs)]
    assert chi2_contingency(table).pvalue > 0.01


HYPEROPTS: list[Any] = [
    ({"type": "float", "min": 1.0, "max": 5.0}, lambda: hp.uniform("x", 1.0, 5.0)),
    (
        {"type": "float", "min": 1e-5, "max": 1.0, "scale": "log"},
        lambda: hp.loguniform("x", math.log(1e-5), 0.0),
    ),
    ({"type": "normal", "mean": 2.0, "std": 3.0}, lambda: hp.normal("x", 2.0, 3.0)),
    ({"type": "lognormal", "mean": 0.5, "std": 0.8}, lambda: hp.lognormal("x", 0.5, 0.8)),
    # Not uniformint, whose ends are half as frequent as the rest.
    ({"type": "int", "min": 3, "max": 9}, lambda: hp.randint("x", 3, 10)),
    (
        {"type": "normal", "mean": 2.0, "std": 3.0, "step": 2.0},
        lambda: hp.qnormal("x", 2.0, 3.0, 2.0),
    ),
    ({"type": "categorical", "choices": ["a", "b", "c"]}, lambda: hp.choice("x", ["a", "b", "c"])),
    (
        {
            "type": "categorical",
            "choices": [{"value": "a", "weight": 3}, {"value": "b", "weight": 1}],
        },
        lambda: hp.pchoice("x", [(0.75, "a"), (0.25, "b")]),
    ),
]


@pytest.mark.parametrize(("form", "distribution"), HYPEROPTS)
def test_values_are_distributed_as_hyperopts_rand_draws_them(
    form: dict[str, Any], distribution: Callable[[], Any]
) -> None:
    domain = Domain(lambda x: x, distribution())
    docs = rand.suggest(list(range(DRAWS)), domain, Trials(), seed=3)
    theirs = [space_eval(domain.expr, {"x": doc["misc"]["vals"]["x"][0]}) for doc in docs]
    assert alike(drawn(form), theirs)


def alike(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether both may be of one distribution."""
    counts = Counter(ours), Counter(theirs)
    if len(counts[0]) > DRAWS / 2:
        return bool(ks_2samp(ours, theirs).pvalue > 0.01)
    # Values that are rare say little: those together count as one.
    common = {value for value in ours if counts[0][value] + counts[1][value] > 20}
    table = [
        [
            *(count[value] for value in common),
            1 + sum(v for k, v in count.items() if k not in common),
        ]
        for count in counts
    ]
    return bool(chi2_contingency(table).pvalue > 0.01)


def test_weights_are_proportions() -> None:
    choices = [{"value": "often", "weight": 9}, {"value": "rarely", "weight": 1}]
    counts = Counter(drawn({"type": "categorical", "choices": choices}))
    assert 0.87 < counts["often"] / DRAWS < 0.93


def test_a_finite_space_is_used_up_without_repetition_and_then_exhausted() -> None:
    space = Space.of(
        {
            "kind": {"type": "categorical", "choices": ["plain", "deep"]},
            "depth": {"type": "int", "min": 1, "max": 300, "when": {"kind": ["deep"]}},
        }
    )
    answer = RandomSearch().suggest(Problem(space, LOSS, 1, 0), [], 400)
    assert answer.exhausted
    assert len(answer.assignments) == 301 == space.size()
    assert len({str(one) for one in answer.assignments}) == 301


def test_the_finite_part_of_an_infinite_space_may_come_again() -> None:
    """Once its one assignment was tried, it is drawn again only after a long search."""
    space = Space.of(
        {
            "kind": {"type": "categorical", "choices": ["plain", "deep"]},
            "rate": {"type": "float", "min": 0.0, "max": 1.0, "when": {"kind": ["deep"]}},
        }
    )
    answer = RandomSearch().suggest(Problem(space, LOSS, 1, 0), [], 50)
    assert not answer.exhausted
    assert Counter(str(one["kind"]) for one in answer.assignments) == {"plain": 1, "deep": 49}


def test_a_trial_that_was_enqueued_is_not_drawn_again() -> None:
    space = Space.of({"n": {"type": "int", "min": 1, "max": 3}})
    enqueued = Trial(number=0, hyperparameters={"n": 2}, created_at=0.0, enqueued=True)
    answer = RandomSearch().suggest(Problem(space, LOSS, 1, 1), [enqueued], 5)
    assert sorted(str(one["n"]) for one in answer.assignments) == ["1", "3"]


def test_another_seed_gives_other_draws() -> None:
    form = {"type": "float", "min": 0.0, "max": 1.0}
    assert not set(drawn(form)) & set(drawn(form, seed=10 * DRAWS))
