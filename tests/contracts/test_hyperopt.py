"""Hyperopt's algorithms keep the contract of every algorithm, whatever the history."""

import subprocess
import sys

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

    def test_a_process_that_has_just_begun_gives_the_same_answer(self) -> None:
        code = (
            "from algorithms import load_catalog;"
            "from tunelet.core.problem import Objective, Problem;"
            "from tunelet.space import Space;"
            "space = Space.of({'x': {'type': 'float', 'min': 0.0, 'max': 1.0}});"
            "problem = Problem(space, (Objective('objective', 'minimize'),), 1, 0);"
            "tpe = lambda: load_catalog().load('adaptive_tpe', {});"
            "ask = lambda: tpe().suggest(problem, [], 1).assignments;"
            "assert ask() == ask()"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


del OneObjective
