"""Optuna's samplers for trials that choose their hyperparameters while they run (define-by-run).

Each process has one study in memory for each search. Trials of this process are added when they
begin and updated when they end. Ended trials of other and of earlier processes are added from the
log. Each attempt has its own sampler, seeded by the experiment's seed, the trial's number and the
attempt, so that a resumed search does not draw the same values again.

TPE avoids failed trials as it does with a declared space (`algorithms.optuna.study`): each is
COMPLETE with an infinite value and an infinite violation of a constraint. Other samplers ignore
failed trials, as in Optuna.
"""

import math
import numbers
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from algorithms.evidence import Evidence, evidence
from algorithms.novelty import generator
from algorithms.optuna.tpe import good_ones
from tunelet.core.problem import Objective
from tunelet.core.trial import Chosen, Number, Report, Scalar, Trial, Verdict, number
from tunelet.errors import FieldError, Reject

optuna.logging.set_verbosity(optuna.logging.WARNING)

SAMPLERS = {
    "tpe": "TPESampler",
    "random_search": "RandomSampler",
    "cma_es": "CmaEsSampler",
    "gp": "GPSampler",
    "nsga2": "NSGAIISampler",
    "nsga3": "NSGAIIISampler",
    "sobol": "QMCSampler",
}
"""Samplers of Optuna by Tunelet's names of the algorithms; Optuna's names work, too."""

_DECLARED = ("GridSampler", "BruteForceSampler", "PartialFixedSampler")
"""Samplers that need to know the space before the first trial."""

_ENDS = {Verdict.COMPLETE: TrialState.COMPLETE, Verdict.PRUNED: TrialState.PRUNED}


def sampler_of(algorithm: str) -> Callable[..., BaseSampler]:
    """Return Optuna's class for this algorithm.

    Raises `Reject` if it needs a declared space: an algorithm of another library, or one that
    enumerates.
    """
    name = SAMPLERS.get(algorithm, algorithm.removeprefix("optuna."))
    found = None if name in _DECLARED else getattr(optuna.samplers, name, None)
    if not (isinstance(found, type) and issubclass(found, BaseSampler)):
        message = "needs a declared space, because it does not choose one value after another"
        remedy = f"give tune a space, or use one of {', '.join(SAMPLERS)}"
        error = FieldError("hpo_algorithm", algorithm, message, remedy)
        raise Reject(f"hpo_algorithm {algorithm!r} {message}; {remedy}", [error])
    return found


class DefineByRun:
    """The study of one search. Threads may share it."""

    def __init__(
        self,
        algorithm: str,
        settings: Mapping[str, Any],
        objectives: Sequence[Objective],
        seed: int,
    ) -> None:
        self._sampler = sampler_of(algorithm)
        self._settings = dict(settings)
        self._objectives = objectives
        self._avoids = self._sampler is optuna.samplers.TPESampler
        self._seed = seed
        self._lock = threading.Lock()
        self._known: set[int] = set()
        """The trials in the study, by their numbers in the log."""
        self._study = optuna.create_study(
            directions=[StudyDirection[each.direction.upper()] for each in objectives],
            sampler=self._made(0, 0),
        )

    @property
    def ended(self) -> int:
        """The number of ended trials in the study."""
        with self._lock:
            trials = self._study.get_trials(deepcopy=False)
        return sum(trial.state.is_finished() for trial in trials)

    def learn(self, past: Iterable[Trial]) -> None:
        """Add the ended trials that the study lacks."""
        with self._lock:
            for trial in past:
                if trial.state.finished and trial.number not in self._known:
                    self._known.add(trial.number)
                    self._study.add_trial(self._frozen(trial))

    def begin(self, number: int, attempt: int) -> "Choices":
        """Begin an attempt of the trial with this number in the log."""
        with self._lock:
            self._known.add(number)
            storage, name = self._study._storage, self._study.study_name
            sampler = self._made(number, attempt, **self._gamma())
            study = optuna.load_study(study_name=name, storage=storage, sampler=sampler)
            return Choices(study, study.ask(), self._objectives, self._avoids)

    def _gamma(self) -> dict[str, Any]:
        """The bound that keeps failed trials from being counted as good; empty without them."""
        if not self._avoids or "gamma" in self._settings:
            return {}
        trials = self._study.get_trials(deepcopy=False, states=(_COMPLETE, _PRUNED))
        failed = sum(1 for trial in trials if _FAILED.items() <= trial.system_attrs.items())
        return {"gamma": good_ones(len(trials) - failed, len(self._objectives))} if failed else {}

    def _made(self, number: int, attempt: int, **more: Any) -> BaseSampler:
        seed = generator(self._seed, number, f"define-by-run {attempt}").getrandbits(31)
        with warnings.catch_warnings():
            # Experimental settings warn each time, and `gamma`, which is deprecated.
            warnings.simplefilter("ignore")
            made: BaseSampler = self._sampler(**self._settings, **more, seed=seed)
        return made

    def _frozen(self, trial: Trial) -> FrozenTrial:
        state = TrialState[trial.state.value] if trial.state.value in _STATES else TrialState.FAIL
        state, values = _result(state, trial.values, self._objectives)
        avoided = self._avoids and evidence(trial, self._objectives) is Evidence.FAILURE
        if avoided:
            state, values = _COMPLETE, _worst(self._objectives)
        distributions = {name: distribution(form) for name, form in trial.space.items()}
        note = trial.note if isinstance(trial.note, dict) else {}
        return create_trial(
            state=state,
            values=values,
            params={name: trial.hyperparameters[name] for name in distributions},
            distributions=distributions,
            system_attrs=note.get("optuna", {}) | (_FAILED if avoided else {}),
            intermediate_values=_intermediate(trial.reports, self._objectives),
        )


_STATES = ("COMPLETE", "PRUNED", "FAIL")
_COMPLETE, _PRUNED = TrialState.COMPLETE, TrialState.PRUNED
_FAILED = {"constraints": [math.inf]}
"""The system attributes of a trial that TPE is to rank below every trial that has not failed."""


class Choices:
    """Chooses the hyperparameters of one attempt, one after another."""

    def __init__(
        self,
        study: optuna.Study,
        trial: optuna.Trial,
        objectives: Sequence[Objective],
        avoids: bool,
    ) -> None:
        self._study = study
        self._trial = trial
        self._objectives = objectives
        self._avoids = avoids

    @property
    def params(self) -> dict[str, Any]:
        return dict(self._trial.params)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return self._trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return self._trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Scalar]) -> Scalar:
        return self._trial.suggest_categorical(name, [_scalar(name, each) for each in choices])

    def chosen(self, attributes: Mapping[str, Any]) -> Chosen:
        """Return all hyperparameters so far, in the log's form."""
        system = self._study._storage.get_trial_system_attrs(self._trial._trial_id)
        kept = {k: v for k, v in system.items() if ":relative_params:" not in k}
        return Chosen(
            hyperparameters=dict(self._trial.params),
            space={name: form(each) for name, each in self._trial.distributions.items()},
            attributes=dict(attributes),
            note={"optuna": kept} if kept else None,
        )

    def end(
        self, verdict: Verdict, values: Mapping[str, Number], reports: Iterable[Report]
    ) -> None:
        """Tell the study how the attempt ended."""
        for step, value in _intermediate(reports, self._objectives).items():
            self._trial.report(value, step)
        state = _ENDS.get(verdict, TrialState.FAIL)
        state, final = _result(state, values, self._objectives)
        if self._avoids and state is TrialState.FAIL and verdict is not Verdict.LOST:
            state, final = _COMPLETE, _worst(self._objectives)
            storage, key = self._study._storage, self._trial._trial_id
            for name, violations in _FAILED.items():
                storage.set_trial_system_attr(key, name, violations)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._study.tell(self._trial, final, state=state)


def _result(
    state: TrialState, values: Mapping[str, Number], objectives: Sequence[Objective]
) -> tuple[TrialState, list[float] | None]:
    """The end of a trial in Optuna's terms: a complete trial without a value has failed."""
    if state is not TrialState.COMPLETE:
        return state, None
    measured = [number(values.get(each.metric, "NaN")) for each in objectives]
    return (TrialState.FAIL, None) if any(map(math.isnan, measured)) else (state, measured)


def _worst(objectives: Sequence[Objective]) -> list[float]:
    return [each.sign * math.inf for each in objectives]


def _scalar(name: str, choice: Any) -> Scalar:
    """The choice as a value for the log; NumPy's scalars become Python's."""
    if choice is None or isinstance(choice, bool | str):
        return choice if choice is None or isinstance(choice, bool) else str(choice)
    if isinstance(choice, numbers.Integral):
        return int(choice)
    if isinstance(choice, numbers.Real) and math.isfinite(choice):
        return float(choice)
    raise TypeError(
        f"{name}: the choice {choice!r} is a {type(choice).__name__}; choose among text, finite "
        "numbers, True, False and None, and look other objects up by their names"
    )


def form(distribution: BaseDistribution) -> dict[str, Any]:
    """Convert an Optuna distribution to a hyperparameter's form, as in a request."""
    if isinstance(distribution, CategoricalDistribution):
        return {"type": "categorical", "choices": list(distribution.choices)}
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    found = {"type": kind, "min": distribution.low, "max": distribution.high}
    if distribution.log:
        return {**found, "scale": "log"}
    return found if distribution.step is None else {**found, "step": distribution.step}


def distribution(form: Mapping[str, Any]) -> BaseDistribution:
    """Convert what `form` returns back to Optuna's distribution."""
    if form["type"] == "categorical":
        return CategoricalDistribution(form["choices"])
    made = IntDistribution if form["type"] == "int" else FloatDistribution
    more = {"step": form["step"]} if form.get("step") else {}
    return made(form["min"], form["max"], log=form.get("scale") == "log", **more)


def _intermediate(reports: Iterable[Report], objectives: Sequence[Objective]) -> dict[int, float]:
    """The objective's reports by step. Optuna supports none with several objectives."""
    if len(objectives) > 1:
        return {}
    metric = objectives[0].metric
    return {each.step: number(each.values[metric]) for each in reports if metric in each.values}
