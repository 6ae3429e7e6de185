"""TPE (Bergstra et al., NeurIPS 2011) through Optuna's TPESampler.

The study is rebuilt in memory from the history on every call:

- The first `n_startup_trials` are draws from the prior, as random search makes them.
- Trials that wait or run are shown as running, so that the constant liar keeps new ones
  away from them. Pruned ones rank below all complete ones, by their last report, and so do those
  that were stopped after they had reported. Failed ones, and those whose objective is NaN, rank
  below all others, and are never among the good ones.
- Floats (linear, log, step), integers and choices are Optuna's own distributions. What
  Optuna has no distribution for (reverse_log, normal, lognormal) is modelled by its
  quantile, uniform on [0, 1]. The weights of choices hold for the draws from the prior; the
  model begins with even ones.
- The generator of a trial depends on the seed and the trial's number, so the same call gives
  the same answer. Where every assignment of a finite space was tried, it is exhausted.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from algorithms.lessons import Lesson, lesson
from algorithms.novelty import Unseen, generator
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Trial
from tunelet.ports import Algorithm

if TYPE_CHECKING:
    from optuna.samplers import TPESampler

    from algorithms.optuna.study import PastStudy

_TRIES = 4
"""Times that the model is asked for something new before the prior is."""
_MOST_GOOD = 25
"""Of any number of trials, as TPESampler has it, if there is one objective."""


class TreeParzen:
    """The settings are TPESampler's, but that `group` is on by default where it helps."""

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
        """None while too few trials have ended; Optuna is then not even imported."""
        known = (lesson(trial, problem.objectives) for trial in chain(problem.prior, trials))
        lessons = (one for one in known if one not in (Lesson.PENDING, Lesson.NOTHING))
        if sum(1 for _ in islice(lessons, self._startup)) < self._startup:
            return nullcontext()
        from algorithms.optuna.study import STUDIES, Failures, PastStudy

        new = partial(PastStudy, problem, Failures.INFEASIBLE)
        return STUDIES.of(problem, trials, new, "tpe")

    def _ask(
        self, problem: Problem, study: "PastStudy", place: int, untried: Unseen
    ) -> Assignment | None:
        """What the model suggests for the trial of this number, unless it is nothing new."""
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
            # `group` is experimental since Optuna 2.8, and the way to model branches; `gamma` is to
            # go, and the way to keep failures from the good ones.
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
    """TPESampler's number of good trials among so many, but no failed ones.

    It fills up with the next best, and those are failures where little else is known.
    """
    most = min(most, _MOST_GOOD) if objectives == 1 else most
    return lambda trials: min(math.ceil(0.1 * trials), most)


if TYPE_CHECKING:
    _: type[Algorithm] = TreeParzen
