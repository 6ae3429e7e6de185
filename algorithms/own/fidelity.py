"""ASHA (Li et al., MLSys 2020), Hyperband (Li et al., JMLR 18, 2018) and BOHB (Falkner et al.,
ICML 2018): they spend little on most trials and much on the best.

With `resource`, the name of a hyperparameter such as the number of epochs, each trial gets a
budget. A trial among the best 1 / `reduction_factor` of its rung is promoted: a new trial has the
same hyperparameters and `reduction_factor` times the budget, and begins with the checkpoint of the
promoted one. No trial waits for others.

Without `resource`, each trial may use the whole budget and reports as it trains. It is stopped at
the first rung where it is not among the best (algorithms.stopping.halving).

ASHA and Hyperband draw new hyperparameters at random. BOHB draws them from a TPE that ranks every
trial of a lower rung below those of higher rungs, as Optuna's TPE ranks pruned trials. (The
original fits a model to the highest budget that has enough trials. Only good trials reach it, so
that model learns little about bad ones.)
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import msgspec

from algorithms.evidence import Evidence, evidence
from algorithms.own.random import RandomSearch
from algorithms.ranking import loss, rank
from algorithms.stopping.halving import Hyperband, SuccessiveHalving, bracket, shares
from tunelet.core.curves import Curves
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Report, Trial, TrialState
from tunelet.ports import Algorithm, StoppingRule
from tunelet.space import Float, Int, Quantized, Space

_NOTE = "promoted"
"""The key in a trial's note of the trial that it continues."""


class Fidelity:
    """The common part of ASHA, Hyperband and BOHB. Budgets are `min_resource` to `max_resource`.

    Their defaults are the bounds of the `resource`; without it, those of
    algorithms.stopping.halving. Raises `ValueError` for settings that contradict each other.
    """

    brackets = False

    def __init__(
        self,
        *,
        resource: str | None = None,
        min_resource: int | None = None,
        max_resource: int | None = None,
        reduction_factor: int = 3,
    ) -> None:
        if reduction_factor < 2:
            raise ValueError("reduction_factor must be at least 2")
        if min_resource is not None and max_resource is not None and min_resource > max_resource:
            raise ValueError("min_resource must not be more than max_resource")
        self._resource = resource
        self._least, self._most = min_resource, max_resource
        self._factor = reduction_factor

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        if self._resource is None:
            return self.sampler().suggest(problem, trials, count)
        ladder = self._ladder(problem.space)
        known = _Rungs(problem, trials, self._resource, ladder, self._factor, self._starts)
        found: list[Assignment] = []
        notes: list[Any] = []
        parents: list[int | None] = []
        exhausted = False
        for place in range(problem.first, problem.first + count):
            promoted = known.promote()
            if promoted is not None:
                rung, trial = promoted
                budget = ladder[rung + 1]
                found.append(trial.hyperparameters | {self._resource: budget})
                notes.append({_NOTE: trial.number})
                parents.append(trial.number)
                continue
            drawn = self._drawn(problem._replace(first=place), known, found)
            if drawn is None:
                # A running trial may still be promoted.
                exhausted = not found and all(trial.state.finished for trial in trials)
                break
            rung = self._starts(place, len(ladder))
            found.append(problem.space.build(known.with_budget(drawn, ladder[rung])))
            notes.append(None)
            parents.append(None)
        return Suggestions(found, exhausted, None, notes, parents)

    def stops(self, curves: Curves, number: int) -> str | None:
        return None if self._resource is not None else self.rule().stops(curves, number)

    def ends(self, curves: Curves) -> str | None:
        return None

    def sampler(self) -> Algorithm:
        return RandomSearch()

    def rule(self) -> StoppingRule:
        """Return the rule that stops trials if there is no `resource`."""
        return SuccessiveHalving(
            min_resource="auto" if self._least is None else self._least,
            reduction_factor=self._factor,
        )

    def _ladder(self, space: Space) -> list[int | float]:
        """The budget of each rung, the least first."""
        resource = space[str(self._resource)]
        if not isinstance(resource, Int | Float | Quantized):
            raise TypeError(f"{resource.name} cannot be a budget")
        least = resource.min if self._least is None else self._least
        most = resource.max if self._most is None else self._most
        if least <= 0 or most < least:
            raise ValueError(f"budgets from {least} to {most} are not possible")
        rungs = math.floor(math.log(most / least, self._factor) + 1e-9)
        budgets = [most / self._factor ** (rungs - rung) for rung in range(rungs + 1)]
        return [resource.nearest(budget) for budget in budgets]

    def _starts(self, place: int, rungs: int) -> int:
        """The rung on which a new trial begins."""
        return bracket(place, shares(rungs, self._factor)) if self.brackets else 0

    def _drawn(
        self, problem: Problem, known: "_Rungs", found: Sequence[Assignment]
    ) -> Assignment | None:
        """New values of all hyperparameters but the resource."""
        bare = problem._replace(space=known.space, memory=None, prior=())
        answer = self.sampler().suggest(bare, known.history(found), 1)
        return answer.assignments[0] if answer.assignments else None


class Asha(Fidelity):
    """ASHA: all trials begin on the lowest rung."""


class HyperbandSearch(Fidelity):
    """Hyperband: brackets begin on different rungs; trials are compared within their bracket."""

    brackets = True

    def rule(self) -> StoppingRule:
        return Hyperband(
            min_resource=self._least or 1,
            max_resource="auto" if self._most is None else self._most,
            reduction_factor=self._factor,
        )


class Bohb(HyperbandSearch):
    """BOHB: Hyperband that draws new trials from a TPE."""

    def sampler(self) -> Algorithm:
        from algorithms.optuna.tpe import TreeParzen

        return TreeParzen()


class _Rungs:
    """The ended trials by bracket and rung, where a trial's budget gives its rung."""

    def __init__(
        self,
        problem: Problem,
        trials: Sequence[Trial],
        resource: str,
        ladder: Sequence[int | float],
        factor: int,
        starts: Callable[[int, int], int],
    ) -> None:
        self.space = Space(one for one in problem.space if one.name != resource)
        self._problem = problem
        self._trials = trials
        self._resource = resource
        self._ladder = ladder
        self._factor = factor
        self._of = {trial.number: _promoted(trial) for trial in trials}
        self._started = {
            trial.number: starts(self._root(trial.number), len(ladder)) for trial in trials
        }
        self._gone_on = {of for of in self._of.values() if of is not None}
        self._ended: dict[tuple[int, int], list[Trial]] = {}
        for trial in trials:
            rung = self._rung(trial)
            if rung is not None and not math.isnan(loss(trial, problem)):
                self._ended.setdefault((self._started[trial.number], rung), []).append(trial)

    def promote(self) -> tuple[int, Trial] | None:
        """Return the next trial to promote, and its rung; the highest rungs come first."""
        for (_start, rung), ended in sorted(self._ended.items(), key=lambda it: -it[0][1]):
            if rung + 1 == len(self._ladder):
                continue
            ranked = sorted(ended, key=lambda trial: rank(trial, self._problem))
            for trial in ranked[: len(ended) // self._factor]:
                if trial.number not in self._gone_on:
                    self._gone_on.add(trial.number)
                    return rung, trial
        return None

    def history(self, found: Sequence[Assignment]) -> list[Trial]:
        """Return the trials without budgets, so that those of higher rungs rank above others.

        New assignments that were `found` in this call are running trials.
        """
        surpassed = {
            self._of[trial.number]
            for trial in self._trials
            if self._rung(trial) is not None or self._failed(trial)
        }
        history = [self._without_budget(trial, surpassed) for trial in self._trials]
        for place, assignment in enumerate(found):
            number = len(self._trials) + place
            history.append(Trial(number, self._bare(assignment), 0.0, TrialState.RUNNING))
        return history

    def with_budget(
        self, drawn: Assignment, budget: int | float
    ) -> Callable[[Any], bool | int | float | str | None]:
        return lambda one: budget if one.name == self._resource else drawn[one.name]

    def _without_budget(self, trial: Trial, surpassed: Collection[int | None]) -> Trial:
        """The trial as if pruned at its rung; STOPPED (models ignore it) if its promotion ended."""
        rung, metric = self._rung(trial), self._problem.objectives[0].metric
        state, reports = trial.state, trial.reports
        failed = self._failed(trial)
        if state.finished and (trial.number in surpassed or not (failed or rung is not None)):
            state, reports = TrialState.STOPPED, ()
        elif failed:
            state = TrialState.FAIL
        elif rung is not None and rung + 1 < len(self._ladder):
            state = TrialState.PRUNED
            reports = (Report(rung, {metric: trial.values.get(metric, "NaN")}),)
        bare = self._bare(trial.hyperparameters)
        return msgspec.structs.replace(
            trial, hyperparameters=bare, state=state, reports=reports, note=None
        )

    def _failed(self, trial: Trial) -> bool:
        return evidence(trial, self._problem.objectives) is Evidence.FAILURE

    def _bare(self, assignment: Assignment) -> Assignment:
        return {name: value for name, value in assignment.items() if name != self._resource}

    def _rung(self, trial: Trial) -> int | None:
        """The highest rung with a budget that the complete trial had; None if it has none."""
        budget = trial.hyperparameters.get(self._resource)
        if trial.state is not TrialState.COMPLETE or not isinstance(budget, int | float):
            return None
        below = sum(1 for _ in takewhile(lambda rung: rung <= budget, self._ladder))
        return below - 1 if below else None

    def _root(self, trial: int) -> int:
        """The first trial with the same hyperparameters, through all promotions."""
        while (of := self._of.get(trial)) is not None:
            trial = of
        return trial


def _promoted(trial: Trial) -> int | None:
    note = trial.note
    of = note.get(_NOTE) if isinstance(note, Mapping) else None
    return of if isinstance(of, int) else None


if TYPE_CHECKING:
    _: tuple[type[Algorithm], ...] = (Asha, HyperbandSearch, Bohb)
    _rules: tuple[type[StoppingRule], ...] = (Asha, HyperbandSearch, Bohb)
