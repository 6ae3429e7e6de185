"""Hyperopt's algorithms: tpe, rand, anneal, atpe and mix, with their own arguments.

Hyperopt gets trials that wait or run as unfinished ones. It takes them for bad ones until they end,
which keeps new trials away from them. It gets failed trials and infinite values as failures, and a
pruned trial with the worst loss of a complete one, or its own if that is worse. TPE counts failures
among the bad trials, and here never among the good. Annealing does not get failures, because it
might continue from one. The randomness of a trial follows from the seed and its number.

Adaptive TPE gets only trials with a loss. It supports no distributions without bounds or with
weights, so it gets their quantiles.

Sources: Bergstra et al. (NeurIPS 2011) for TPE and annealing; hyperopt.tpe, hyperopt.anneal,
hyperopt.mix and hyperopt.atpe of the library.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from algorithms.novelty import generator, new_ones
from algorithms.seeding import seeded
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Trial
from tunelet.ports import Algorithm


class Hyperopt:
    """An algorithm of Hyperopt: a `module` with a function `suggest`, and its arguments."""

    def __init__(self, *, module: str, **settings: Any) -> None:
        self._suggest = _function(module, settings)
        self._adaptive = module == "atpe"
        self._independent = module == "rand"

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        from algorithms.hyperopt.domain import HISTORIES, History

        # Independent draws need no trials.
        past = () if self._independent else trials
        new = partial(History, problem, self._adaptive)
        with HISTORIES.of(problem, past, new, self._adaptive) as history:

            def ask(place: int, attempt: int) -> Assignment:
                seed = generator(problem.seed, place, f"hyperopt {attempt}").getrandbits(31)
                with seeded(seed):  # adaptive TPE draws from the process's generators
                    known = history.trials(ended=self._adaptive)
                    (doc,) = self._suggest([history.next_id], history.domain, known, seed)
                return history.assignment(doc["misc"]["vals"])

            return new_ones(problem, trials, count, ask, history.take, self._independent)


def _function(module: str, settings: dict[str, Any]) -> Callable[..., Any]:
    """Hyperopt's function of this module with its settings."""
    if module == "tpe":
        return partial(_tpe, **settings)
    if module == "anneal":
        return partial(_anneal, **settings)
    if module == "mix":
        settings = {"p_suggest": [_share(each) for each in settings["p_suggest"]]}
    if module == "atpe":
        # Hyperopt imports it when asked, and the import draws from the generators just seeded.
        import_module("lightgbm")
    function: Callable[..., Any] = import_module(f"hyperopt.{module}").suggest
    return partial(function, **settings)


def _tpe(
    ids: Sequence[int], domain: Any, trials: Any, seed: int, *, gamma: float = 0.25, **settings: Any
) -> Any:
    """TPE that counts no failed trial among the good ones.

    Hyperopt takes a fixed share as good, which would include failures if few trials succeeded.
    """
    from hyperopt import tpe

    known = trials.trials
    if any(_failed(doc) for doc in known):
        good = sum(1 for doc in known if "loss" in doc["result"])
        # Hyperopt takes ceil(gamma * sqrt(number of trials)) trials as good.
        gamma = min(gamma, max(good - 0.5, 0.0) / math.sqrt(len(known)))
    return tpe.suggest(ids, domain, trials, seed, gamma=gamma, verbose=False, **settings)


def _anneal(
    ids: Sequence[int],
    domain: Any,
    trials: Any,
    seed: int,
    *,
    shrink_coef: float = 0.1,
    **settings: Any,
) -> Any:
    """Annealing that never continues from a failure; failures still shrink its neighbourhood."""
    from hyperopt import anneal
    from hyperopt.base import trials_from_docs

    known = [doc for doc in trials.trials if not _failed(doc)]
    if len(known) < len(trials.trials):
        # Hyperopt multiplies `shrink_coef` by the number of trials.
        shrink_coef *= len(trials.trials) / max(len(known), 1)
        trials = trials_from_docs(known, validate=False)
    return anneal.suggest(ids, domain, trials, seed, shrink_coef=shrink_coef, **settings)


def _failed(doc: Any) -> bool:
    return bool(doc["result"]["status"] == "fail")


def _share(each: Any) -> tuple[float, Callable[..., Any]]:
    """A member of `mix`: its probability and its name."""
    try:
        probability, name = each
        if name not in ("tpe", "rand", "anneal"):
            raise ValueError
        return float(probability), _function(name, {})
    except (TypeError, ValueError) as error:
        raise ValueError(f'p_suggest has {each!r}; write [0.5, "tpe"], for example') from error


if TYPE_CHECKING:
    _: type[Algorithm] = Hyperopt
