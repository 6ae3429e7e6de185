"""TPE (Bergstra et al., NeurIPS 2011) through Optuna's TPESampler.

The study is rebuilt in memory from the history on every call:

- The first `n_startup_trials` are draws from the prior, as in random search.
- Trials that wait or run are in the study as running, so that the constant liar keeps new ones
  away from them. Pruned trials, and trials that were stopped after a report, rank below all
  complete ones, by their last report. Failed trials, and trials with an objective of NaN, rank
  below all others and are never among the good ones.
- Floats (linear, log, step), integers and choices are Optuna's own distributions. Hyperparameters
  without a distribution in Optuna (reverse_log, normal, lognormal) are modelled by their quantile,
  uniform on [0, 1]. The weights of choices apply to draws from the prior; the model begins with
  equal weights.
- The random generator of a trial depends on the seed and the trial's number, so the same call
  gives the same answer. A finite space is exhausted once every assignment was tried.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from algorithms.evidence import Evidence, evidence
from algorithms.novelty import Unseen, generator
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Trial
from tunelet.ports import Algorithm

if TYPE_CHECKING:
    from optuna.samplers import TPESampler

    from algorithms.optuna.study import PastStudy

_TRIES = 4
"""How often the model is asked for a new assignment before one is drawn from the prior."""
_MOST_GOOD = 25
"""TPESampler's maximum of good trials, if there is one objective."""


class TreeParzen:
    """TPE with the settings of TPESampler. `group` is on by default if there are conditions.

    Raises `ValueError` if `group` is true and `multivariate` false.
    """

    def __init__(
        self,
        *,
        n_startup_trials: int = 10,
        n_ei_candidates: int = 24,
        multivariate: bool | None = None,
        group: bool | None = None,
        constant_liar: bool = True,
    ) -> None:
        if group and multivariate is False:
            raise ValueError("group needs multivariate")
        self._startup = n_startup_trials
        self._candidates = n_ei_candidates
        self._multivariate = multivariate
        self._group = group
        self._constant_liar = constant_liar

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        untried = Unseen(problem, trials)
        with self._study(problem, trials) as study:
            return self._answer(problem, study, untried, count)

    def _answer(
        self, problem: Problem, study: "PastStudy | None", untried: Unseen, count: int
    ) -> Suggestions:
        found: list[Assignment] = []
        for place in range(problem.first, problem.first + count):
            suggested = None if study is None else self._ask(problem, study, place, untried)
            if suggested is None:
                suggested = untried.draw(generator(problem.seed, place))
            if suggested is None:
                return Suggestions(found, exhausted=True)
            untried.take(suggested)
            found.append(suggested)
        return Suggestions(found)

    def _study(
        self, problem: Problem, trials: Sequence[Trial]
    ) -> "AbstractContextManager[PastStudy | None]":
        """The study; None while too few trials have ended, so that Optuna is not imported."""
        known = (evidence(trial, problem.objectives) for trial in chain(problem.prior, trials))
        ended = (one for one in known if one not in (Evidence.PENDING, Evidence.NONE))
        if sum(1 for _ in islice(ended, self._startup)) < self._startup:
            return nullcontext()
        from algorithms.optuna.study import STUDIES, Failures, PastStudy

        new = partial(PastStudy, problem, Failures.INFEASIBLE)
        return STUDIES.of(problem, trials, new, "tpe")

    def _ask(
        self, problem: Problem, study: "PastStudy", place: int, untried: Unseen
    ) -> Assignment | None:
        """The model's suggestion for the trial; None if it suggests nothing new."""
        for attempt in range(_TRIES):
            seed = generator(problem.seed, place, f"tpe {attempt}").getrandbits(32)
            _, suggested = study.ask(self._sampler(problem, study, seed))
            if suggested in untried:
                return suggested
            study.withdraw()
        return None

    def _sampler(self, problem: Problem, study: "PastStudy", seed: int) -> "TPESampler":
        from optuna.samplers import TPESampler

        good = study.good_at_most()
        with warnings.catch_warnings():
            # Optuna warns of `group`, which is experimental since 2.8 but the way to model
            # branches, and of `gamma`, which is deprecated but keeps failures from the good ones.
            warnings.simplefilter("ignore")
            return TPESampler(
                n_startup_trials=0,
                n_ei_candidates=self._candidates,
                multivariate=self._multivariate,
                group=self._groups(problem),
                constant_liar=self._constant_liar,
                gamma=None if good is None else good_ones(good, len(problem.objectives)),
                seed=seed,
            )

    def _groups(self, problem: Problem) -> bool:
        if self._group is not None:
            return self._group
        single = len(problem.objectives) == 1
        return problem.space.conditional and single and self._multivariate is not False


def good_ones(most: int, objectives: int) -> Callable[[int], int]:
    """Return TPESampler's `gamma`: a function from the number of trials to that of good ones.

    `most` is the number of trials that did not fail. Without this bound, TPESampler would count
    failures as good if few trials succeeded.
    """
    most = min(most, _MOST_GOOD) if objectives == 1 else most
    return lambda trials: min(math.ceil(0.1 * trials), most)


if TYPE_CHECKING:
    _: type[Algorithm] = TreeParzen
