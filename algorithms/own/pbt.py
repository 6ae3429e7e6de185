"""Population based training (Jaderberg et al., 2017), asynchronous.

A trial is one stretch of training of one member of the population. The member's next stretch is a
new trial that begins with a checkpoint. A member among the worst `quantile_fraction`, or with a
failed stretch, continues from the checkpoint and the hyperparameters of one of the best (exploit)
and changes the hyperparameters (explore). The other members continue unchanged. The newest results
of all members are compared, so no member waits for the slowest. A result that violates constraints
ranks below those that meet them.

Explore is Ray Tune's: a hyperparameter is resampled with `resample_probability`; else a number is
multiplied by one of `perturbation_factors`, and a choice becomes a neighbour in the list.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from algorithms.evidence import Evidence, evidence
from algorithms.novelty import TRIES, generator, key
from algorithms.ranking import Rank, loss, rank
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Scalar, Trial, TrialState
from tunelet.ports import Algorithm
from tunelet.space import Float, Int, Normal, Parameter, Quantized
from tunelet.space.base import as_number
from tunelet.space.conditions import identity

_NOTE = "member"


class PopulationBasedTraining:
    """PBT. `population_size` is by default `parallel_trials`, and at least 4.

    Raises `ValueError` if `quantile_fraction` is not from 0 to 0.5, or `resample_probability` not
    from 0 to 1.
    """

    def __init__(
        self,
        *,
        population_size: int | None = None,
        quantile_fraction: float = 0.25,
        resample_probability: float = 0.25,
        perturbation_factors: Sequence[float] | None = None,
    ) -> None:
        if not 0 <= quantile_fraction <= 0.5:
            raise ValueError("quantile_fraction must be from 0 to 0.5")
        if not 0 <= resample_probability <= 1:
            raise ValueError("resample_probability must be from 0 to 1")
        self._size = population_size
        self._quantile = quantile_fraction
        self._resample = resample_probability
        self._factors = tuple(perturbation_factors or (1.2, 0.8))

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        members = self._members(problem, trials)
        known, found = list(trials), []
        for place in range(problem.first, problem.first + count):
            member = next((one for one in members if one.free), None)
            if member is None:
                break  # all members train: wait until a stretch ends
            member.free = False
            rng = generator(problem.seed, place, "pbt")
            assignment, parent = self._next(problem, known, member, members, rng)
            note = {_NOTE: member.index}
            found.append(Trial(place, assignment, 0.0, note=note, parent=parent))
            known.append(found[-1])
        return Suggestions(
            [one.hyperparameters for one in found],
            notes=[one.note for one in found],
            parents=[one.parent for one in found],
        )

    def _members(self, problem: Problem, trials: Sequence[Trial]) -> "list[_Member]":
        """The members, by the number of their newest stretch, the lowest first."""
        size = self._size or max(problem.parallel, 4)
        members = [_Member(index) for index in range(size)]
        for trial in trials:
            index = member_of(trial)
            if index is not None and index < size:
                members[index].take(trial, problem)
        return sorted(members, key=lambda one: one.newest)

    def _next(
        self,
        problem: Problem,
        trials: Sequence[Trial],
        member: "_Member",
        members: "Sequence[_Member]",
        rng: Random,
    ) -> tuple[Assignment, int | None]:
        """The hyperparameters of the member's next stretch, and the trial with its checkpoint."""
        ranked = sorted((one for one in members if one.best), key=lambda one: one.rank)
        share = math.ceil(len(ranked) * self._quantile) if len(ranked) > 1 else 0
        worst = ranked[len(ranked) - share :]
        if member.best is not None and member not in worst and not member.failed:
            return member.best.hyperparameters, member.best.number
        better = [one for one in ranked[: max(share, 1)] if one is not member]
        if member.newest < 0 or not better:
            if member.best is not None:
                return member.best.hyperparameters, member.best.number
            return problem.space.sample(rng), None
        chosen = rng.choice(better).best
        assert chosen is not None
        # The hyperparameters of stretches that continue from this checkpoint already.
        others = (one for one in trials if one.parent == chosen.number)
        taken = {key(one.hyperparameters) for one in (chosen, *others)}
        for _ in range(TRIES):
            explored = self._explored(problem, trials, chosen, rng)
            if key(explored) not in taken:
                return explored, chosen.number
        return problem.space.sample(rng), chosen.number

    def _explored(
        self, problem: Problem, trials: Sequence[Trial], chosen: Trial, rng: Random
    ) -> Assignment:
        """New hyperparameters for a stretch that continues from the checkpoint of `chosen`."""
        known = chosen.hyperparameters

        def value(one: Parameter) -> Scalar:
            if one.name not in known or rng.random() < self._resample:
                return one.from_unit(rng.random())
            return _perturbed(one, known[one.name], rng.choice(self._factors))

        return problem.space.build(value)


class _Member:
    """A member of the population: its newest stretch with a result, and whether it trains now."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.free = True
        self.failed = False
        self.best: Trial | None = None
        self.rank: Rank = (math.inf, math.inf, index)
        self.newest = -1

    def take(self, trial: Trial, problem: Problem) -> None:
        self.newest = trial.number
        self.free = trial.state.finished
        value = loss(trial, problem)
        # A stretch that the infrastructure lost, or that was stopped, is repeated unchanged.
        failed = evidence(trial, problem.objectives) is Evidence.FAILURE
        self.failed = failed or trial.state is TrialState.PRUNED
        if not math.isnan(value):
            self.best, self.rank = trial, rank(trial, problem)


def member_of(trial: Trial) -> int | None:
    """Return the member that the trial is a stretch of; None if another algorithm suggested it."""
    index = trial.note.get(_NOTE) if isinstance(trial.note, Mapping) else None
    return index if isinstance(index, int) else None


def _perturbed(one: Parameter, value: Scalar, factor: float) -> Scalar:
    """The value times the factor, within bounds; a neighbour if it is a choice or does not move."""
    if isinstance(one, Normal):
        return one.from_unit(one.to_unit(as_number(value) * factor))
    if isinstance(one, Int | Float | Quantized):
        moved = one.nearest(as_number(value) * factor)
        if moved != value or one.count is None:
            return moved
    values = [one.at(place) for place in range(one.count or 0)]
    place = list(map(identity, values)).index(identity(value))
    return values[min(max(place + (1 if factor > 1 else -1), 0), len(values) - 1)]


if TYPE_CHECKING:
    _: type[Algorithm] = PopulationBasedTraining
