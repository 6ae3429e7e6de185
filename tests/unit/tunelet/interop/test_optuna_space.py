"""Dicts of Optuna's distributions are equal to forms, both ways."""

import warnings
from random import Random
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from algorithms.optuna.study import view
from tests.unit.tunelet.interop.written import draws, same_distribution, space_of
from tunelet.interop import assemble, hyperparameters

Distributions = dict[str, BaseDistribution]


@st.composite
def floats(draw: st.DrawFn) -> BaseDistribution:
    low, width = draw(st.floats(1e-3, 100)), draw(st.floats(0.01, 100))
    match draw(st.sampled_from(["linear", "log", "step", "single"])):
        case "log":
            return FloatDistribution(low, low + width, log=True)
        case "step":
            step = draw(st.sampled_from([0.1, 0.25, 3.0]))
            return FloatDistribution(round(low), round(round(low) + 9 * step, 2), step=step)
        case "single":
            return FloatDistribution(low, low)
    return FloatDistribution(-low, low + width)


@st.composite
def integers(draw: st.DrawFn) -> BaseDistribution:
    low, width = draw(st.integers(1, 100)), draw(st.integers(0, 1000))
    if draw(st.booleans()):
        return IntDistribution(low, low + width, log=True)
    with warnings.catch_warnings():
        # Of a range that the step does not divide: Optuna says that it is cut.
        warnings.simplefilter("ignore")
        return IntDistribution(-low, low + width, step=draw(st.integers(1, 7)))


@st.composite
def choices(draw: st.DrawFn) -> BaseDistribution:
    some = [None, True, 0, 2.5, "a", (64, 32), float("inf")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CategoricalDistribution(draw(st.permutations(some))[: draw(st.integers(1, 7))])


def spaces() -> st.SearchStrategy[Distributions]:
    kinds = st.one_of(floats(), integers(), choices())
    return st.dictionaries(st.text("abcxyz_", min_size=1, max_size=9), kinds, min_size=1)


@given(spaces(), st.integers(0, 2**31 - 1))
def test_a_draw_of_optuna_is_an_assignment(written: Distributions, seed: int) -> None:
    space = space_of(written)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    drawn = study.ask(written).params
    forms = hyperparameters(written)
    assignment = {
        name: forms[name]["choices"][one.choices.index(drawn[name])]
        if isinstance(one := written[name], CategoricalDistribution)
        else drawn[name]
        for name in written
    }
    assert space.problems(assignment) == []
    assert assemble(written, assignment) == drawn


@given(spaces(), st.integers())
def test_our_draw_is_a_value_of_optunas_distribution(written: Distributions, seed: int) -> None:
    values = assemble(written, space_of(written).sample(Random(seed)))
    for name, distribution in written.items():
        assert distribution._contains(distribution.to_internal_repr(values[name]))


@given(spaces())
def test_our_own_way_back_to_optuna_is_the_same_distribution(written: Distributions) -> None:
    space = space_of(written)
    for name, distribution in written.items():
        if isinstance(distribution, CategoricalDistribution):
            assert space[name].count == len(distribution.choices)
        elif not distribution.single():
            assert view(space[name]).distribution == distribution


@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(-1, 3),
        FloatDistribution(1e-4, 1, log=True),
        FloatDistribution(0.5, 2.5, step=0.5),
        IntDistribution(1, 7),
        IntDistribution(1, 40, log=True),
        IntDistribution(1, 7, step=3),
        CategoricalDistribution(["a", "b", "c"]),
    ],
    ids=str,
)
def test_each_distribution_is_the_same(distribution: Any) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(2))
    optunas = [study.ask({"x": distribution}).params["x"] for _ in range(2000)]
    own = [drawn["x"] for drawn in draws(space_of({"x": distribution}), 2000)]
    assert same_distribution(optunas, own)
