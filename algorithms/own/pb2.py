"""Population based bandits (Parker-Holder, Nguyen and Roberts, NeurIPS 2020), asynchronous.

It differs from algorithms.own.pbt in one point: a member that continues from one of the best gets
the hyperparameters with the most promising gain. A model (algorithms.own.bandit) predicts the gain
of a stretch over the one before. Its inputs are the number of stretches before, the loss at the
start, and the hyperparameters. Choices are kept, as in Ray Tune. A failed stretch counts as the
smallest gain so far. As long as fewer than two gains are known, hyperparameters change as in
population based training.
"""

import math
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from algorithms.evidence import Evidence, evidence
from algorithms.own.pbt import PopulationBasedTraining, member_of
from algorithms.ranking import loss
from tunelet.core.problem import Problem
from tunelet.core.trial import Assignment, Scalar, Trial
from tunelet.ports import Algorithm
from tunelet.space import Categorical, Parameter

_NEWEST = 100
"""The number of stretches that the model is fitted to."""


class PopulationBasedBandits(PopulationBasedTraining):
    """PB2. `population_size` is by default `parallel_trials`, and at least 4."""

    def __init__(
        self, *, population_size: int | None = None, quantile_fraction: float = 0.25
    ) -> None:
        super().__init__(
            population_size=population_size,
            quantile_fraction=quantile_fraction,
            resample_probability=0.0,
        )

    def _explored(
        self, problem: Problem, trials: Sequence[Trial], chosen: Trial, rng: Random
    ) -> Assignment:
        best = _Stretches(problem, trials).most_promising(chosen, rng)
        if best is None:
            return super()._explored(problem, trials, chosen, rng)
        known = chosen.hyperparameters

        def value(one: Parameter) -> Scalar:
            if one.name in best:
                return one.from_unit(best[one.name])
            return known[one.name] if one.name in known else one.from_unit(rng.random())

        return problem.space.build(value)


class _Stretches:
    """The population's stretches as inputs of the model."""

    def __init__(self, problem: Problem, trials: Sequence[Trial]) -> None:
        self._problem = problem
        self._numbers = [one for one in problem.space if not isinstance(one, Categorical)]
        self._of = {trial.number: trial for trial in trials if member_of(trial) is not None}
        self._depths: dict[int | None, int] = {}
        for trial in self._of.values():
            self._depths[trial.number] = self._depths.get(trial.parent, -1) + 1

    def most_promising(self, chosen: Trial, rng: Random) -> dict[str, float] | None:
        """Return the quantile of each number for a stretch that continues from `chosen`.

        None if fewer than two gains are known, or if `chosen` has no finite loss.
        """
        following = [one for one in self._of.values() if one.parent in self._of]
        gains = self._gains(following)
        ended = [one for one in following if one.number in gains][-_NEWEST:]
        context = self._context(chosen)
        if len(ended) < 2 or not self._numbers or not all(map(math.isfinite, context)):
            return None
        from algorithms.own.bandit import Stretch, most_promising

        def stretch(one: Trial) -> Stretch:
            return Stretch(self._context(self._of[_known(one.parent)]), self._point(one))

        best = most_promising(
            [stretch(one) for one in ended],
            [gains[one.number] for one in ended],
            [stretch(one) for one in following if self._pending(one)],
            context,
            rng,
        )
        return dict(zip((one.name for one in self._numbers), best, strict=True))

    def _gains(self, stretches: Sequence[Trial]) -> dict[int, float]:
        """The gains of the ended stretches by number; a failed one has the smallest gain."""
        gains = {one.number: self._gain(one) for one in stretches}
        finite = {number: gain for number, gain in gains.items() if math.isfinite(gain)}
        least = min(finite.values(), default=math.nan)
        failed = (one.number for one in stretches if self._failed(one))
        return finite | dict.fromkeys(failed, least) if finite else {}

    def _failed(self, trial: Trial) -> bool:
        """It failed, and its parent has a finite loss."""
        failed = evidence(trial, self._problem.objectives) is Evidence.FAILURE
        return failed and self._begun_well(trial)

    def _pending(self, trial: Trial) -> bool:
        """It has not ended, and its parent has a finite loss: the model needs finite numbers."""
        return not trial.state.finished and self._begun_well(trial)

    def _begun_well(self, trial: Trial) -> bool:
        return math.isfinite(loss(self._of[_known(trial.parent)], self._problem))

    def _gain(self, trial: Trial) -> float:
        """The amount by which the stretch lowered the loss."""
        return loss(self._of[_known(trial.parent)], self._problem) - loss(trial, self._problem)

    def _context(self, before: Trial) -> tuple[float, float]:
        """The model's inputs for a stretch after this one, except its hyperparameters."""
        return float(self._depths[before.number]), loss(before, self._problem)

    def _point(self, trial: Trial) -> list[float]:
        known = trial.hyperparameters
        return [one.to_unit(known[one.name]) if one.name in known else 0.5 for one in self._numbers]


def _known(number: int | None) -> int:
    assert number is not None
    return number


if TYPE_CHECKING:
    _: type[Algorithm] = PopulationBasedBandits
