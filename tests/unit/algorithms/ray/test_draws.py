"""Random and grid search draw and combine as Ray's BasicVariantGenerator does."""

from collections import Counter
from typing import Any

import numpy
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from algorithms.own.grid import GridSearch
from algorithms.own.random import RandomSearch
from tests.contracts.algorithms import LOSS
from tunelet.core.problem import Problem
from tunelet.space import Space

pytestmark = pytest.mark.libraries
DRAWS = 2000


def drawn(form: dict[str, Any]) -> list[Any]:
    """One value each of experiments that differ in their seed."""
    space = Space.of({"x": form})
    return [
        RandomSearch().suggest(Problem(space, (LOSS,), seed, 0), [], 1).assignments[0]["x"]
        for seed in range(DRAWS)
    ]


def domain_of(kind: str, *arguments: Any) -> Any:
    """One of Ray's functions called; its module is there only where these tests run."""
    from ray import tune

    return getattr(tune, kind)(*arguments)


def variants(config: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    """The configurations that Ray would run."""
    from ray.tune.search.variant_generator import generate_variants

    state = numpy.random.RandomState(1)
    return [
        spec["config"]
        for _ in range(count)
        for _, spec in generate_variants({"config": config}, random_state=state)
    ]


@pytest.mark.parametrize(
    ("form", "domain"),
    [
        ({"type": "float", "min": 1.0, "max": 5.0}, ("uniform", 1.0, 5.0)),
        (
            {"type": "float", "min": 1e-5, "max": 1.0, "scale": "log"},
            ("loguniform", 1e-5, 1.0),
        ),
        ({"type": "normal", "mean": 2.0, "std": 3.0}, ("randn", 2.0, 3.0)),
    ],
)
def test_floats_are_distributed_as_ray_distributes_them(form: dict[str, Any], domain: Any) -> None:
    theirs = [each["x"] for each in variants({"x": domain_of(*domain)}, DRAWS)]
    assert ks_2samp(drawn(form), theirs).pvalue > 0.01


@pytest.mark.parametrize(
    ("form", "domain"),
    [
        # Ray's integers end before the upper bound.
        ({"type": "int", "min": 3, "max": 9}, ("randint", 3, 10)),
        ({"type": "categorical", "choices": ["a", "b", None]}, ("choice", ["a", "b", None])),
    ],
)
def test_discrete_values_are_as_frequent_as_ray_makes_them(
    form: dict[str, Any], domain: Any
) -> None:
    ours = Counter(drawn(form))
    theirs = Counter(each["x"] for each in variants({"x": domain_of(*domain)}, DRAWS))
    assert ours.keys() == theirs.keys()
    table = [[counts[value] for value in ours] for counts in (ours, theirs)]
    assert chi2_contingency(table).pvalue > 0.01


def test_the_grid_is_rays() -> None:
    values: dict[str, list[Any]] = {"n": [2, 5, 8], "kind": ["a", "b"], "flag": [True, False]}
    space = Space.of(
        {
            "n": {"type": "int", "min": 2, "max": 8, "step": 3},
            "kind": {"type": "categorical", "choices": values["kind"]},
            "flag": {"type": "categorical", "choices": values["flag"]},
        }
    )
    theirs = variants({name: domain_of("grid_search", each) for name, each in values.items()})
    ours = list(GridSearch().combinations(space))
    assert len(ours) == len(theirs) == 12
    assert {repr(sorted(one.items())) for one in ours} == {
        repr(sorted(one.items())) for one in theirs
    }
