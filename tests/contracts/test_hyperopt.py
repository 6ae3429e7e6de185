"""Hyperopt's algorithms keep the contract of every algorithm, whatever the history."""

import pytest

from tests.contracts.algorithms import LOSS, AlgorithmContract


class OneObjective(AlgorithmContract):
    objectives = ((LOSS,),)


class TestTpe(OneObjective, name="hyperopt.tpe", n_startup_jobs=2): ...


class TestRand(OneObjective, name="hyperopt.rand"): ...


class TestAnneal(OneObjective, name="anneal"): ...


class TestMix(
    OneObjective, name="hyperopt.mix", p_suggest=[[0.3, "rand"], [0.3, "anneal"], [0.4, "tpe"]]
): ...


@pytest.mark.libraries
class TestAdaptiveTpe(OneObjective, name="adaptive_tpe"):
    examples = 5


del OneObjective
