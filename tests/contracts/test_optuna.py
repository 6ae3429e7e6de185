"""Optuna's samplers keep the contract of every algorithm, whatever the history."""

import pytest
from hypothesis import strategies as st

from tests.contracts.algorithms import LOSS, AlgorithmContract, choices, integers
from tunelet.space import Space


class TestCmaEs(AlgorithmContract, name="cma_es", popsize=4):
    objectives = ((LOSS,),)


class TestCmaEsWithMargin(AlgorithmContract, name="cma_es", popsize=4, with_margin=True):
    objectives = ((LOSS,),)


class TestNsga2(AlgorithmContract, name="nsga2", population_size=4): ...


class TestNsga3WithMutation(
    AlgorithmContract,
    name="nsga3",
    population_size=4,
    mutation="PolynomialMutation",
    crossover="SBXCrossover",
): ...


class TestQuasiRandom(AlgorithmContract, name="optuna.QMCSampler", scramble=True): ...


class TestRandomSampler(AlgorithmContract, name="optuna.RandomSampler"): ...


class TestTpeSampler(AlgorithmContract, name="optuna.TPESampler", n_startup_trials=2): ...


@pytest.mark.libraries
class TestGaussianProcess(AlgorithmContract, name="gp", n_startup_trials=2):
    examples = 3


class TestSobol(AlgorithmContract, name="sobol"): ...


class Finite(AlgorithmContract):
    """For samplers that go through all values."""

    def spaces(self) -> st.SearchStrategy[Space]:
        form = st.one_of(integers(), choices())
        return st.dictionaries(st.sampled_from("abc"), form, min_size=1).map(Space.of)

    def line(self) -> Space:
        return Space.of({"x": {"type": "int", "min": 1, "max": 9}})


class TestBruteForce(Finite, name="optuna.BruteForceSampler"): ...


class TestGrid(Finite, name="optuna.GridSampler"):
    def nine(self) -> Space:
        """Optuna's grids have no conditions."""
        forms = {"a": {"type": "int", "min": 1, "max": 3}}
        return Space.of(forms | {"b": {"type": "categorical", "choices": ["x", "y", "z"]}})


class TestPartlyFixed(
    AlgorithmContract,
    name="optuna.PartialFixedSampler",
    fixed_params={"fixed": "only"},
    base_sampler="RandomSampler",
):
    def spaces(self) -> st.SearchStrategy[Space]:
        return super().spaces().map(_with_fixed)

    def line(self) -> Space:
        return _with_fixed(super().line())

    def nine(self) -> Space:
        return _with_fixed(super().nine())


def _with_fixed(space: Space) -> Space:
    return Space((*space, *Space.of({"fixed": {"type": "categorical", "choices": ["only"]}})))


del Finite
