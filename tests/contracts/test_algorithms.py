"""The project's own algorithms keep the contract, and no algorithm goes without it."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from algorithms.catalog.entry import Entry
from algorithms.catalog.table import TABLE
from tests.contracts import test_hyperopt, test_optuna, test_ray
from tests.contracts.algorithms import LOSS, AlgorithmContract, integers, key, suggested
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Trial, TrialState
from tunelet.space import Space

ELSEWHERE = (test_hyperopt, test_optuna, test_ray)
"""The modules in which the libraries' algorithms are tested: importing them counts those."""


class TestRandomSearch(AlgorithmContract, name="random_search"): ...


class TestGridSearch(AlgorithmContract, name="grid_search", points=7): ...


class TestTpe(AlgorithmContract, name="tpe"): ...


class TestTpeFromTheFirstTrialOn(AlgorithmContract, name="tpe", n_startup_trials=0):
    """Without random trials, so that the model makes every suggestion."""


class OneObjective(AlgorithmContract):
    objectives = ((LOSS,),)

    def _asked(self, problem: Problem, trials: list[Trial]) -> Suggestions:
        return self.algorithm().suggest(problem._replace(first=len(trials)), trials, 2)


def ended(one: Trial) -> Trial:
    values = {"objective": float(one.number * 7 % 5)}
    return msgspec.structs.replace(one, state=TrialState.COMPLETE, values=values)


class TestAsha(OneObjective, name="asha"): ...


class TestHyperband(OneObjective, name="hyperband"): ...


class TestBohb(OneObjective, name="bohb"): ...


class Budgeted(OneObjective):
    """With a budget among the hyperparameters: good ones come again, with more of it."""

    waits = True

    def spaces(self) -> st.SearchStrategy[Space]:
        return st.tuples(super().spaces(), integers()).map(
            lambda both: Space((*both[0], *Space.of({"budget": {**both[1], "step": 1}})))
        )

    def nine(self) -> Space:
        """All are tried with the least budget, and some with more."""
        budget = {"budget": {"type": "int", "min": 1, "max": 4}}
        return Space((*super().nine(), *Space.of(budget)))

    def line(self) -> Space:
        return Space((*super().line(), *Space.of({"budget": {"type": "int", "min": 1, "max": 4}})))

    def test_trials_that_still_run_are_not_suggested_again(self) -> None:
        """Nothing has the same budget twice, and in the end all has been tried."""
        problem = Problem(self.nine(), (LOSS,), seed=3, first=0)
        trials: list[Trial] = []
        while not (answer := self._asked(problem, trials)).exhausted:
            # What was suggested last still runs.
            trials = [ended(one) for one in trials] + suggested(answer, len(trials))
        assert len({key(one.hyperparameters) for one in trials}) == len(trials) > 9
        without = [
            {k: v for k, v in one.hyperparameters.items() if k != "budget"} for one in trials
        ]
        assert len({key(one) for one in without}) == 9


class TestAshaWithBudgets(Budgeted, name="asha", resource="budget", reduction_factor=2): ...


class TestHyperbandWithBudgets(
    Budgeted, name="hyperband", resource="budget", reduction_factor=2
): ...


class TestBohbWithBudgets(Budgeted, name="bohb", resource="budget", reduction_factor=2): ...


class Population(OneObjective):
    """Each trial is a stretch of a member's training, with the same hyperparameters or others."""

    waits = True

    def _case(self, data: st.DataObject) -> tuple[Problem, list[Trial]]:
        problem, history = super()._case(data)
        return problem, [
            msgspec.structs.replace(
                one,
                note={"member": one.number % 6},
                parent=one.number - 6 if one.number >= 6 else None,
            )
            for one in history
        ]

    def test_trials_that_still_run_are_not_suggested_again(self) -> None:
        """No two stretches that begin with one checkpoint have the same hyperparameters."""
        problem = Problem(self.line(), (LOSS,), seed=3, first=0)
        trials: list[Trial] = []
        while len(trials) < 40:
            answer = self._asked(problem, trials)
            trials = [ended(one) for one in trials] + suggested(answer, len(trials))
        assert len({self.once(one) for one in trials}) == len(trials)

    def once(self, one: Trial) -> Any:
        return key(one.hyperparameters), one.parent


class TestPopulation(Population, name="pbt", population_size=6): ...


class TestBandits(Population, name="pb2", population_size=6):
    examples = 10


del OneObjective, Budgeted, Population


def test_every_algorithm_keeps_the_contract() -> None:
    """Several names of one algorithm need one test."""
    assert {same(TABLE[name]) for name in AlgorithmContract.tested} == {
        same(row) for row in TABLE.values()
    }


def same(row: Entry) -> tuple[object, ...]:
    return row.target, row.bind
