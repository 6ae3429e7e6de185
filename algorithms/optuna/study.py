"""A space and its trials as an Optuna study in memory, for any Optuna sampler.

A trial's number in the study is its own number plus the number of usable `prior` trials, so a
sampler's notes that refer to trials by number remain valid in the next call.

A failed trial is COMPLETE with an infinite value, the worst possible: the Gaussian process replaces
it by the worst finite value, and CMA-ES uses only ranks. For TPE the failed trial also has an
infinite violation of a constraint, so it ranks below pruned trials. The genetic algorithms do not
get failed trials, so that none becomes a parent.

A process keeps the studies used last, so trials are converted once, and a sampler reuses the
previous one's knowledge of the space. The answers do not depend on this cache.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection

from algorithms.evidence import Evidence, evidence
from algorithms.memo import Memo, MemoCache
from algorithms.optuna.storage import PastStorage, PastTrial
from tunelet.core.problem import Problem
from tunelet.core.trial import Assignment, Number, Scalar, Trial, number
from tunelet.space import Categorical, Float, Int, Parameter

# Optuna would log a line for each new study, and each call may make one.
optuna.logging.set_verbosity(optuna.logging.WARNING)

_EPOCH = datetime.fromtimestamp(0)
_RUNNING = optuna.trial.TrialState.RUNNING
_FAIL = optuna.trial.TrialState.FAIL
_COMPLETE = optuna.trial.TrialState.COMPLETE
_PRUNED = optuna.trial.TrialState.PRUNED
_STATES = {
    Evidence.RESULT: _COMPLETE,
    Evidence.FAILURE: _COMPLETE,
    Evidence.PARTIAL: _PRUNED,
    Evidence.PENDING: _RUNNING,
    Evidence.NONE: _FAIL,
}


class Failures(Enum):
    """How a sampler gets failed trials."""

    WORST = "worst"
    INFEASIBLE = "infeasible"
    LEFT_OUT = "left out"


class View(NamedTuple):
    """A parameter's distribution in Optuna, and the conversions of its values to it and back."""

    distribution: BaseDistribution
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Scalar]


class PastStudy:
    """A study of the past trials; `ask` adds running ones."""

    def __init__(self, problem: Problem, failures: Failures) -> None:
        self._space = problem.space
        self._objectives = problem.objectives
        self._failures = failures
        self._constraints = problem.constraints
        self._views = {one.name: view(one) for one in problem.space}
        self._storage = PastStorage(
            [StudyDirection[one.direction.upper()] for one in problem.objectives]
        )
        self._study = optuna.load_study(study_name="past", storage=self._storage)
        self._prior: Memo[PastTrial] = Memo(self._past)
        self._usable_prior: list[PastTrial] = []
        self._own: Memo[PastTrial] = Memo(self._past)
        self._last_sampler: optuna.samplers.BaseSampler | None = None

    def update(self, problem: Problem, trials: Sequence[Trial]) -> None:
        unchanged = self._prior.update(problem.prior)
        usable = [past for past in self._prior.each if past.state is not _FAIL]
        if len(usable) != len(self._usable_prior):
            first = len(usable)
            self._own = Memo(lambda place, trial: self._past(first + place, trial))
        if not (self._own.update(trials) and unchanged):
            self._last_sampler = None
        for place, past in enumerate(usable):
            past.number = past._trial_id = place
        self._usable_prior = usable
        self.set_attributes({})

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Replace the study's system attributes, which samplers of earlier calls have set."""
        self._storage.show([*self._usable_prior, *self._own.each], attributes)

    def good_at_most(self) -> int | None:
        """Return how many trials a sampler may count as good; None if no trial failed: any."""
        known = (*self._usable_prior, *self._own.each)
        if not any(past.failed for past in known):
            return None
        return sum(1 for past in known if past.state in (_COMPLETE, _PRUNED) and not past.failed)

    def views(self) -> Mapping[str, View]:
        return self._views

    def attributes(self) -> dict[str, Any]:
        """Return the study's system attributes."""
        return dict(self._storage.get_study_system_attrs(PastStorage.STUDY))

    def noted(self, trial: optuna.Trial) -> dict[str, Any]:
        """Return the trial's system attributes."""
        return dict(self._storage.get_trial_system_attrs(trial._trial_id))

    def ask(self, sampler: optuna.samplers.BaseSampler) -> tuple[optuna.Trial, Assignment]:
        """Return the sampler's suggestion, and add it to the study as a running trial."""
        if self._last_sampler is not None:
            _inherit(sampler, self._last_sampler)
        self._last_sampler = self._study.sampler = sampler
        trial = self._study.ask()
        views = self._views
        return trial, self._space.build(
            lambda one: one.canonical(views[one.name].decode(_suggest(trial, one, views)))
        )

    def withdraw(self) -> None:
        """Remove the trial that `ask` added last."""
        # Not by `tell`: some samplers would then stop the study.
        self._storage.withdraw()

    def _past(self, place: int, trial: Trial) -> PastTrial:
        """The trial in Optuna's terms; samplers ignore trials in Optuna's state FAIL."""
        possible = self._space.possible(trial.hyperparameters)
        found = evidence(trial, self._objectives) if possible else Evidence.NONE
        failed = found is Evidence.FAILURE
        if failed and self._failures is Failures.LEFT_OUT:
            found = Evidence.NONE
        state = _STATES[found]
        values = self._values(trial, failed) if state is _COMPLETE else None
        known = trial.hyperparameters if possible else {}
        past = PastTrial(
            number=place,
            trial_id=place,
            state=state,
            value=None,
            values=values,
            datetime_start=_EPOCH,
            datetime_complete=None if state is _RUNNING else _EPOCH,
            params={name: self._views[name].encode(value) for name, value in known.items()},
            distributions={name: self._views[name].distribution for name in known},
            user_attrs={},
            system_attrs=self._attributes(trial, found),
            intermediate_values=self._intermediate(trial) if values is None else {},
        )
        past.failed = found is Evidence.FAILURE
        return past

    def _attributes(self, trial: Trial, found: Evidence) -> dict[str, Any]:
        """The trial's system attributes: the sampler's note, and the violations of constraints."""
        note = dict(trial.note["optuna"]) if _has_note(trial) else {}
        values = {one.metric: trial.values.get(one.metric, math.nan) for one in self._constraints}
        if found is Evidence.FAILURE:
            # A failure ranks below every trial with a finite violation.
            extra = self._failures is Failures.INFEASIBLE
            violations = [math.inf] * (len(values) or extra)
        # A pruned trial may lack values; Optuna then assumes that it meets the constraints.
        elif found is Evidence.RESULT or (
            found is Evidence.PARTIAL and _all_known(values.values())
        ):
            violations = [one.violation(number(values[one.metric])) for one in self._constraints]
        else:
            violations = []
        return note | ({"constraints": violations} if violations else {})

    def _values(self, trial: Trial, failed: bool) -> list[float]:
        if failed:
            return [one.sign * math.inf for one in self._objectives]
        return [number(trial.values[one.metric]) for one in self._objectives]

    def _intermediate(self, trial: Trial) -> dict[int, float]:
        """The objective's reports by step; Optuna supports none with several objectives."""
        if len(self._objectives) > 1:
            return {}
        metric = self._objectives[0].metric
        return {
            report.step: number(report.values[metric])
            for report in trial.reports
            if metric in report.values
        }


STUDIES: MemoCache[PastStudy] = MemoCache()
"""The studies of experiments, keyed also by sampler and settings."""


def _inherit(sampler: optuna.samplers.BaseSampler, earlier: optuna.samplers.BaseSampler) -> None:
    """Reuse the intersection of the ended trials' spaces, so that only new trials are examined."""
    for name, value in vars(earlier).items():
        if isinstance(value, IntersectionSearchSpace):
            setattr(sampler, name, value)


def _all_known(values: Iterable[Number]) -> bool:
    return not any(math.isnan(number(value)) for value in values)


def _has_note(trial: Trial) -> bool:
    """False if another algorithm suggested the trial, with another note or none."""
    return isinstance(trial.note, dict) and isinstance(trial.note.get("optuna"), dict)


def view(parameter: Parameter) -> View:
    """Return Optuna's own distribution if it has one, else the quantile on [0, 1]."""
    match parameter:
        case Categorical():
            # By number, because for Optuna True, 1 and 1.0 are one choice.
            places = CategoricalDistribution(range(parameter.count))
            return View(places, parameter.place, parameter.at)
        case Int(min=low, scale=scale, step=step, count=count):
            high = low + (count - 1) * step
            return View(IntDistribution(low, high, log=scale == "log", step=step), int, int)
        case Float(scale="linear" | "log" as scale, min=low, step=step, count=count):
            end = parameter.max if count is None else parameter.at(count - 1)
            return View(FloatDistribution(low, end, scale == "log", step), float, float)
        case _:
            return View(FloatDistribution(0.0, 1.0), parameter.to_unit, parameter.from_unit)


def _suggest(trial: optuna.Trial, parameter: Parameter, views: Mapping[str, View]) -> Any:
    name = parameter.name
    match views[name].distribution:
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(name, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_float(name, low, high, step=step, log=log)
        case other:
            raise TypeError(f"no way to ask for {other}")
