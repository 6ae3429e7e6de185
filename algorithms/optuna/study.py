"""A space and its history as an Optuna study in memory, ready for any Optuna sampler.

A trial's number in the study is its own plus that of the earlier trials learnt from, so what
a sampler noted of a trial by its number is still true on the next call.

A trial that failed is complete with the worst value there can be, which is infinite: the Gaussian
process takes it for the worst finite one, and CMA-ES looks at ranks alone. To TPE it breaks a
constraint as badly as can be, and so ranks below what was pruned. The genetic algorithms are not
shown it, so that it never becomes a parent.

A process keeps the studies that it asked last: trials are converted once, and what a sampler
found out about the space is known to the next one. The answers do not depend on it.
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

from algorithms.lessons import Lesson, lesson
from algorithms.memo import Memo, MemoCache
from algorithms.optuna.storage import PastStorage, PastTrial
from tunelet.core.problem import Problem
from tunelet.core.trial import Assignment, Number, Scalar, Trial, number
from tunelet.space import Categorical, Float, Int, Parameter

# A study is made for every call; that is not worth a line in the log.
optuna.logging.set_verbosity(optuna.logging.WARNING)

_EPOCH = datetime.fromtimestamp(0)
_RUNNING = optuna.trial.TrialState.RUNNING
_FAIL = optuna.trial.TrialState.FAIL
_COMPLETE = optuna.trial.TrialState.COMPLETE
_PRUNED = optuna.trial.TrialState.PRUNED
_STATES = {
    Lesson.RESULT: _COMPLETE,
    Lesson.FAILURE: _COMPLETE,
    Lesson.PARTIAL: _PRUNED,
    Lesson.PENDING: _RUNNING,
    Lesson.NOTHING: _FAIL,
}


class Failures(Enum):
    """What a failed trial is to a sampler."""

    WORST = "worst"
    INFEASIBLE = "infeasible"
    LEFT_OUT = "left out"


class View(NamedTuple):
    """How Optuna sees a parameter."""

    distribution: BaseDistribution
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Scalar]


class PastStudy:
    """The trials as a sampler sees them; `ask` adds running ones."""

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
        self._learnt: list[PastTrial] = []
        self._own: Memo[PastTrial] = Memo(self._past)
        self._asked: optuna.samplers.BaseSampler | None = None

    def follow(self, problem: Problem, trials: Sequence[Trial]) -> None:
        unchanged = self._prior.follow(problem.prior)
        learnt = [past for past in self._prior.each if past.state is not _FAIL]
        if len(learnt) != len(self._learnt):
            first = len(learnt)
            self._own = Memo(lambda place, trial: self._past(first + place, trial))
        if not (self._own.follow(trials) and unchanged):
            self._asked = None
        for place, past in enumerate(learnt):
            past.number = past._trial_id = place
        self._learnt = learnt
        self.remember({})

    def remember(self, attributes: Mapping[str, Any]) -> None:
        """These are what earlier samplers noted of the study."""
        self._storage.show([*self._learnt, *self._own.each], attributes)

    def good_at_most(self) -> int | None:
        """How many trials a sampler may take for good ones; None if none failed: as it likes."""
        known = (*self._learnt, *self._own.each)
        if not any(past.failed for past in known):
            return None
        return sum(1 for past in known if past.state in (_COMPLETE, _PRUNED) and not past.failed)

    def views(self) -> Mapping[str, View]:
        return self._views

    def attributes(self) -> dict[str, Any]:
        """What samplers noted of the study."""
        return dict(self._storage.get_study_system_attrs(PastStorage.STUDY))

    def noted(self, trial: optuna.Trial) -> dict[str, Any]:
        """What samplers noted of the trial."""
        return dict(self._storage.get_trial_system_attrs(trial._trial_id))

    def ask(self, sampler: optuna.samplers.BaseSampler) -> tuple[optuna.Trial, Assignment]:
        """What the sampler suggests, as a trial that runs from now on."""
        if self._asked is not None:
            _inherit(sampler, self._asked)
        self._asked = self._study.sampler = sampler
        trial = self._study.ask()
        views = self._views
        return trial, self._space.build(
            lambda one: one.canonical(views[one.name].decode(_suggest(trial, one, views)))
        )

    def withdraw(self) -> None:
        """Forget the trial that was asked for last."""
        # Not `tell`: some samplers would stop the study then.
        self._storage.withdraw()

    def _past(self, place: int, trial: Trial) -> PastTrial:
        """The trial as Optuna knows it; its FAIL says that there is nothing to learn from it."""
        possible = self._space.possible(trial.hyperparameters)
        taught = lesson(trial, self._objectives) if possible else Lesson.NOTHING
        failed = taught is Lesson.FAILURE
        if failed and self._failures is Failures.LEFT_OUT:
            taught = Lesson.NOTHING
        state = _STATES[taught]
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
            system_attrs=self._attributes(trial, taught),
            intermediate_values=self._intermediate(trial) if values is None else {},
        )
        past.failed = taught is Lesson.FAILURE
        return past

    def _attributes(self, trial: Trial, taught: Lesson) -> dict[str, Any]:
        """What the sampler noted of the trial, and by how much it misses the constraints."""
        found = dict(trial.note["optuna"]) if _has_note(trial) else {}
        values = {one.metric: trial.values.get(one.metric, math.nan) for one in self._constraints}
        if taught is Lesson.FAILURE:
            # Finite violations are better ones.
            extra = self._failures is Failures.INFEASIBLE
            missed = [math.inf] * (len(values) or extra)
        # Of a pruned trial they may not be known yet; Optuna then takes it for one that meets them.
        elif taught is Lesson.RESULT or (taught is Lesson.PARTIAL and _all_known(values.values())):
            missed = [one.violation(number(values[one.metric])) for one in self._constraints]
        else:
            missed = []
        return found | ({"constraints": missed} if missed else {})

    def _values(self, trial: Trial, failed: bool) -> list[float]:
        if failed:
            return [one.sign * math.inf for one in self._objectives]
        return [number(trial.values[one.metric]) for one in self._objectives]

    def _intermediate(self, trial: Trial) -> dict[int, float]:
        """Reports by step; Optuna compares those of one objective only."""
        if len(self._objectives) > 1:
            return {}
        metric = self._objectives[0].metric
        return {
            report.step: number(report.values[metric])
            for report in trial.reports
            if metric in report.values
        }


STUDIES: MemoCache[PastStudy] = MemoCache()
"""By sampler and settings."""


def _inherit(sampler: optuna.samplers.BaseSampler, earlier: optuna.samplers.BaseSampler) -> None:
    """The space that ended trials have in common is looked for in the new ones only."""
    for name, value in vars(earlier).items():
        if isinstance(value, IntersectionSearchSpace):
            setattr(sampler, name, value)


def _all_known(values: Iterable[Number]) -> bool:
    return not any(math.isnan(number(value)) for value in values)


def _has_note(trial: Trial) -> bool:
    """Another algorithm may have suggested it, with notes of its own or none."""
    return isinstance(trial.note, dict) and isinstance(trial.note.get("optuna"), dict)


def view(parameter: Parameter) -> View:
    """Optuna's own distribution where it has one, else the quantile on [0, 1]."""
    match parameter:
        case Categorical():
            # By number, for Optuna takes True, 1 and 1.0 for one choice.
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
