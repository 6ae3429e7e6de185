"""Ray's searchers that wrap algorithms which Tunelet has already."""

from typing import Any

from algorithms.hyperopt.search import Hyperopt
from algorithms.optuna.sampler import Sampler
from algorithms.own.random import RandomSearch
from tunelet.ports import Algorithm


def optuna_search(*, sampler: Any = None) -> Algorithm:
    """Return a sampler of Optuna: `sampler` is a class's name, or its name and settings."""
    asked: dict[str, Any] = {"name": sampler} if isinstance(sampler, str) else dict(sampler or {})
    name = str(asked.get("name", "TPESampler")).removeprefix("optuna.")
    return Sampler(sampler=name, **asked.get("settings", {}))


def hyperopt_search(*, n_initial_points: int = 20, gamma: float = 0.25) -> Algorithm:
    return Hyperopt(module="tpe", n_startup_jobs=n_initial_points, gamma=gamma)


def basic_variant_generator() -> Algorithm:
    return RandomSearch()
