"""Bayesian optimization with a Gaussian process: the library bayesian-optimization.

Version 1.4, which Ray and Nevergrad need.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from algorithms.ray.search import History

CHOICES = False


def propose(known: History, utility_kwargs: Mapping[str, Any] | None = None) -> Sequence[float]:
    """Return the next point. `utility_kwargs`: `kind` ("ucb", "ei" or "poi"), `kappa`, `xi`."""
    from bayes_opt import BayesianOptimization, UtilityFunction

    asked = {"kind": "ucb", "kappa": 2.576, "xi": 0.0} | dict(utility_kwargs or {})
    # Bounds are sorted by name in some versions.
    names = [f"x{place:06}" for place in range(len(known.cube.axes))]
    optimizer = BayesianOptimization(
        f=None,
        pbounds=dict.fromkeys(names, (0.0, 1.0)),
        random_state=known.seed,
        verbose=0,
        allow_duplicate_points=True,
    )
    for point, loss in known.with_lies():
        optimizer.register(params=dict(zip(names, point, strict=True)), target=-loss)
    found = optimizer.suggest(UtilityFunction(**asked))
    return [found[name] for name in names]
