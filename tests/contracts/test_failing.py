"""No algorithm that learns fails more often than random search, where a part of a space fails."""

import math
from functools import cache
from typing import Any

import pytest

from benchmarks.failing import SPACES, Search, failures

SEEDS, TRIALS = range(5), 40
DEVIATIONS = 3
"""Two searches of independent draws differ by more once in 700 times, if one looks for more."""
QUICK = ("combination", "memory")
"""The spaces that all are tried on: choices that fail together, and numbers that do."""
GOOD: dict[str, dict[str, Any]] = {
    "tpe": {},
    "optuna.TPESampler": {},
    "anneal": {},
    "hyperopt.tpe": {},
    "pbt": {},
}
"""Fail less than random search, on all these spaces."""
NO_WORSE: dict[str, dict[str, Any]] = {
    "bohb": {},
    "cma_es": {},
    "hyperopt.mix": {"p_suggest": [[0.5, "anneal"], [0.5, "tpe"]]},
    "nsga2": {"population_size": 10},
    "nsga3": {"population_size": 10},
}
"""Fail as often as it at most: they draw at random whatever they cannot model."""


@cache
def random_failures(space: str) -> int:
    return total("random_search", {}, space)


def total(name: str, settings: dict[str, Any], space: str) -> int:
    searches = (Search(name, space, seed) for seed in SEEDS)
    return sum(failures(search, TRIALS, settings)[0] for search in searches)


def chance(space: str) -> float:
    """By how much the failures of two random searches differ at most."""
    share = SPACES[space].share
    return DEVIATIONS * math.sqrt(2 * len(SEEDS) * TRIALS * share * (1 - share))


@pytest.mark.parametrize("space", QUICK)
@pytest.mark.parametrize("name", GOOD)
def test_algorithms_that_model_all_hyperparameters_fail_less_than_random_search(
    name: str, space: str
) -> None:
    assert total(name, GOOD[name], space) < random_failures(space) * 0.75


@pytest.mark.parametrize("space", QUICK)
@pytest.mark.parametrize("name", NO_WORSE)
def test_no_algorithm_fails_more_than_random_search(name: str, space: str) -> None:
    assert total(name, NO_WORSE[name], space) <= random_failures(space) + chance(space)


@pytest.mark.parametrize("space", sorted(SPACES.keys() - set(QUICK)))
def test_the_default_algorithm_fails_less_wherever_the_failures_are(space: str) -> None:
    assert total("tpe", {}, space) < random_failures(space) * 0.9
