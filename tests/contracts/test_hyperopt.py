"""Hyperopt's algorithms keep the contract of every algorithm, whatever the history."""

from importlib.util import find_spec

import pytest

from algorithms import catalog
from tests.contracts.algorithms import LOSS, AlgorithmContract
from tunelet.ports import Algorithm


class OneObjective(AlgorithmContract):
    objectives = ((LOSS,),)


class TestTpe(OneObjective):
    def algorithm(self) -> Algorithm:
        return catalog().load("hyperopt.tpe", {"n_startup_jobs": 2})


class TestRand(OneObjective):
    def algorithm(self) -> Algorithm:
        return catalog().load("hyperopt.rand", {})


class TestAnneal(OneObjective):
    def algorithm(self) -> Algorithm:
        return catalog().load("anneal", {})


class TestMix(OneObjective):
    def algorithm(self) -> Algorithm:
        shares = [[0.3, "rand"], [0.3, "anneal"], [0.4, "tpe"]]
        return catalog().load("hyperopt.mix", {"p_suggest": shares})


@pytest.mark.skipif(find_spec("lightgbm") is None, reason="needs lightgbm: tunelet[atpe]")
class TestAdaptiveTpe(OneObjective):
    def algorithm(self) -> Algorithm:
        return catalog().load("adaptive_tpe", {})


del OneObjective
