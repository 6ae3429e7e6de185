"""Optuna's samplers keep the contract of every algorithm, whatever the history."""

from importlib.util import find_spec

import pytest

from algorithms import catalog
from algorithms.table import TABLE
from tests.contracts.algorithms import LOSS, AlgorithmContract
from tunelet.ports import Algorithm


class TestCmaEs(AlgorithmContract):
    objectives = ((LOSS,),)

    def algorithm(self) -> Algorithm:
        return catalog().load("cma_es", {"popsize": 4})


class TestCmaEsWithMargin(AlgorithmContract):
    objectives = ((LOSS,),)

    def algorithm(self) -> Algorithm:
        return catalog().load("cma_es", {"popsize": 4, "with_margin": True})


class TestNsga2(AlgorithmContract):
    def algorithm(self) -> Algorithm:
        return catalog().load("nsga2", {"population_size": 4})


class TestNsga3WithMutation(AlgorithmContract):
    def algorithm(self) -> Algorithm:
        settings = {"population_size": 4, "mutation": "PolynomialMutation"}
        return catalog().load("nsga3", settings | {"crossover": "SBXCrossover"})


class TestQuasiRandom(AlgorithmContract):
    def algorithm(self) -> Algorithm:
        return catalog().load("optuna.QMCSampler", {"scramble": True})


class TestRandomSampler(AlgorithmContract):
    def algorithm(self) -> Algorithm:
        return catalog().load("optuna.RandomSampler", {})


class TestTpeSampler(AlgorithmContract):
    def algorithm(self) -> Algorithm:
        return catalog().load("optuna.TPESampler", {"n_startup_trials": 2})


@pytest.mark.skipif(find_spec("torch") is None, reason="needs torch: install tunelet[gp]")
class TestGaussianProcess(AlgorithmContract):
    def algorithm(self) -> Algorithm:
        return catalog().load("gp", {"n_startup_trials": 2})


def test_no_sampler_is_without_a_test() -> None:
    tested = {"CmaEsSampler", "NSGAIISampler", "NSGAIIISampler", "QMCSampler", "RandomSampler"}
    tested |= {"TPESampler", "GPSampler"}
    # These need a finite space, or another sampler: tests/unit/test_optuna_samplers.py.
    tested |= {"BruteForceSampler", "GridSampler", "PartialFixedSampler"}
    rows = [row for row in TABLE.values() if row.target.endswith("optuna.sampler:Sampler")]
    assert tested == {dict(row.bind)["sampler"] for row in rows}
