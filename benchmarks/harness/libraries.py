"""The ask-and-tell interface of a library, as its users call it, over a space of Tunelet; Optuna.

This uses nothing of algorithms/: distributions are written as in the libraries' documentation, and
conditions as an `if` (Hyperopt's are nested, see nested_spaces.py). Objectives are minimized.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import optuna

from tunelet.core.trial import Assignment, Scalar
from tunelet.space import Categorical, Float, Int, Parameter, Space

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Library(Protocol):
    """A study of a library. `ask` returns an assignment and the handle that `tell` needs."""

    def ask(self) -> tuple[Assignment, Any]:
        """Suggest a trial, which runs until `tell`."""

    def tell(self, asked: Any, values: Sequence[float]) -> None:
        """End the trial with these values."""

    def add(self, assignment: Assignment, values: Sequence[float]) -> None:
        """Add an ended trial that was not asked for."""

    def rebuilt(self) -> Callable[[], "Library"]:
        """Return a function that creates the study again, as a new process would."""

    def notes(self) -> tuple[list[Any], Any]:
        """The library's attributes of each trial and of the study."""

    def assignments(self) -> list[Assignment]:
        """The assignments of all trials, in order."""


class Optuna:
    def __init__(self, space: Space, sampler: str, seed: int, objectives: int = 1, **given: Any):
        self._space, self._sampler = space, (sampler, given | {"seed": seed})
        self._study = self._new(objectives)
        self._asked: list[Assignment] = []

    def _new(self, objectives: int) -> optuna.Study:
        name, given = self._sampler
        if name in ("CmaEsSampler", "GPSampler", "QMCSampler"):
            given = given | {"warn_independent_sampling": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sampler = getattr(optuna.samplers, name)(**given)
        return optuna.create_study(directions=["minimize"] * objectives, sampler=sampler)

    def ask(self) -> tuple[Assignment, optuna.Trial]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = self._study.ask()
            assignment = self._space.build(lambda one: _suggested(trial, one))
        self._asked.append(assignment)
        return assignment, trial

    def tell(self, asked: optuna.Trial, values: Sequence[float]) -> None:
        self._study.tell(asked, values)

    def assignments(self) -> list[Assignment]:
        return self._asked

    def add(self, assignment: Assignment, values: Sequence[float]) -> None:
        self._asked.append(assignment)
        distributions = {name: _distribution(self._space[name]) for name in assignment}
        self._study.add_trial(
            optuna.trial.create_trial(
                params=assignment, distributions=distributions, values=list(values)
            )
        )

    def rebuilt(self) -> Callable[[], "Optuna"]:
        trials = self._study.get_trials(deepcopy=False)

        def make() -> Optuna:
            name, given = self._sampler
            made = Optuna(self._space, name, objectives=len(self._study.directions), **given)
            made._study.add_trials(trials)
            return made

        return make

    def notes(self) -> tuple[list[Any], Any]:
        storage = self._study._storage
        trials = self._study.get_trials(deepcopy=False)
        kept = [{"optuna": one.system_attrs} if one.system_attrs else None for one in trials]
        return kept, {"optuna": storage.get_study_system_attrs(self._study._study_id)}


def _suggested(trial: optuna.Trial, one: Parameter) -> Scalar:
    match one:
        case Float():
            return trial.suggest_float(one.name, one.min, one.max, log=one.scale == "log")
        case Int():
            return trial.suggest_int(one.name, one.min, one.max, log=one.scale == "log")
        case Categorical():
            chosen: Scalar = trial.suggest_categorical(one.name, one.choices)
            return chosen
    raise TypeError(one)


def _distribution(one: Parameter) -> optuna.distributions.BaseDistribution:
    match one:
        case Float():
            return optuna.distributions.FloatDistribution(one.min, one.max, one.scale == "log")
        case Int():
            return optuna.distributions.IntDistribution(one.min, one.max, one.scale == "log")
        case Categorical():
            return optuna.distributions.CategoricalDistribution(one.choices)
    raise TypeError(one)


_: type[Library] = Optuna
