"""The built-in algorithms keep the contract."""

import algorithms
from algorithms.optuna.tpe import TreeParzen
from algorithms.own.grid import GridSearch
from algorithms.own.random import RandomSearch
from tests.contracts.algorithms import LOSS, AlgorithmContract
from tunelet.ports import Algorithm


class TestRandomSearch(AlgorithmContract):
    def algorithm(self) -> Algorithm:
        return RandomSearch()


class TestGridSearch(AlgorithmContract):
    def algorithm(self) -> Algorithm:
        return GridSearch(points=7)


class TestTpeFromTheFirstTrialOn(AlgorithmContract):
    """Without random trials, so that the model makes every suggestion."""

    def algorithm(self) -> Algorithm:
        return TreeParzen(n_startup_trials=0)


class TestTpeAsTheCatalogMakesIt(AlgorithmContract):
    def algorithm(self) -> Algorithm:
        return algorithms.catalog().load("tpe", {})


class OneObjective(AlgorithmContract):
    objectives = ((LOSS,),)


class TestAsha(OneObjective):
    def algorithm(self) -> Algorithm:
        return algorithms.catalog().load("asha", {})


class TestBohb(OneObjective):
    def algorithm(self) -> Algorithm:
        return algorithms.catalog().load("bohb", {})


class TestPopulation(OneObjective):
    waits = True
    repeats = True

    def algorithm(self) -> Algorithm:
        return algorithms.catalog().load("pbt", {"population_size": 6})


del OneObjective
