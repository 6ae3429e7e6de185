"""Optuna and Hyperopt asked and told as their own users do it, over a space of Tunelet's.

Nothing of algorithms/ is used here: distributions are written as their documentation has them,
and conditions as an `if` (Optuna) or as a nested `hp.choice` (Hyperopt). Objectives are minimized.
"""

import math
import pickle
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import optuna
from hyperopt import Trials, hp
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_NEW, Domain, trials_from_docs

from tunelet.conditions import OneOf
from tunelet.space import Categorical, Float, Int, Parameter, Space
from tunelet.trial import Assignment, Scalar

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Library(Protocol):
    """One study of a library's. `ask` gives the assignment and what `tell` wants back."""

    def ask(self) -> tuple[Assignment, Any]:
        """Suggest one trial, which runs until it is told."""

    def tell(self, asked: Any, values: Sequence[float]) -> None:
        """The trial has ended with these values."""

    def add(self, assignment: Assignment, values: Sequence[float]) -> None:
        """A trial that was not asked for and has ended."""

    def anew(self) -> Callable[[], "Library"]:
        """What makes the study once more from what a process without memory would have."""

    def notes(self) -> tuple[list[Any], Any]:
        """What the library keeps with each trial and with the study."""

    def assignments(self) -> list[Assignment]:
        """Those of all trials, in order."""


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

    def anew(self) -> Callable[[], "Optuna"]:
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


class Hyperopt:
    def __init__(self, space: Space, algorithm: str, seed: int, **given: Any):
        from importlib import import_module

        self._algorithm = import_module(f"hyperopt.{algorithm}").suggest
        self._given = given | ({"verbose": False} if algorithm == "tpe" else {})
        self._space, self._name, self._seed = space, algorithm, seed
        self._domain = Domain(lambda _: 0.0, _nested(space))
        self._trials = Trials()
        self._asked: list[Assignment] = []

    def ask(self) -> tuple[Assignment, dict[str, Any]]:
        number = len(self._asked)
        self._trials.refresh()
        seed = (self._seed * 1_000_003 + number) % 2**31
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (doc,) = self._algorithm([number], self._domain, self._trials, seed, **self._given)
        self._insert(doc)
        values = doc["misc"]["vals"]
        assignment = self._space.build(lambda one: _decoded(one, values[one.name][0]))
        self._asked.append(assignment)
        return assignment, doc

    def tell(self, asked: dict[str, Any], values: Sequence[float]) -> None:
        asked["state"] = JOB_STATE_DONE
        asked["result"] = {"status": "ok", "loss": values[0]}

    def assignments(self) -> list[Assignment]:
        return self._asked

    def add(self, assignment: Assignment, values: Sequence[float]) -> None:
        self._asked.append(assignment)
        number = len(self._asked) - 1
        names = self._space.parameters
        vals = {
            name: [_encoded(one, assignment[name])] if name in assignment else []
            for name, one in names.items()
        }
        idxs = {name: [number] if vals[name] else [] for name in names}
        misc = {"tid": number, "cmd": None, "workdir": None, "idxs": idxs, "vals": vals}
        (doc,) = self._trials.new_trial_docs([number], [None], [{"status": "new"}], [misc])
        self._insert(doc)
        self.tell(doc, values)

    def anew(self) -> Callable[[], "Hyperopt"]:
        kept = pickle.dumps(self._trials._dynamic_trials)

        def make() -> Hyperopt:
            made = Hyperopt(self._space, self._name, self._seed, **self._given)
            made._asked = list(self._asked)
            made._trials = trials_from_docs(pickle.loads(kept), validate=False)
            return made

        return make

    def notes(self) -> tuple[list[Any], Any]:
        return [None] * len(self._asked), None

    def _insert(self, doc: dict[str, Any]) -> None:
        doc["state"] = JOB_STATE_NEW
        self._trials._dynamic_trials.append(doc)


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


def _nested(space: Space) -> dict[str, Any]:
    """Each conditional hyperparameter stands in the options of its parent that it is active for."""

    def below(parent: str | None, choice: Scalar) -> dict[str, Any]:
        return {one.name: written(one) for one in space if _under(one, parent, choice)}

    def written(one: Parameter) -> Any:
        name = one.name
        match one:
            case Float(scale="log"):
                return hp.loguniform(name, math.log(one.min), math.log(one.max))
            case Float():
                return hp.uniform(name, one.min, one.max)
            case Int(scale="log"):
                return hp.qloguniform(name, math.log(one.min - 0.5), math.log(one.max + 0.5), 1)
            case Int():
                return hp.quniform(name, one.min - 0.5, one.max + 0.5, 1)
            case Categorical(choices=choices):
                return hp.choice(name, [{"": each, **below(name, each)} for each in choices])
        raise TypeError(one)

    return below(None, None)


def _under(one: Parameter, parent: str | None, choice: Scalar) -> bool:
    if parent is None:
        return not one.when
    condition = one.when.get(parent)
    return isinstance(condition, OneOf) and condition.holds(choice)


def _decoded(one: Parameter, value: Any) -> Scalar:
    match one:
        case Categorical(choices=choices):
            return choices[int(value)]
        case Int():
            return min(max(int(value), one.min), one.max)
    return float(value)


def _encoded(one: Parameter, value: Scalar) -> Any:
    return one.choices.index(value) if isinstance(one, Categorical) else value
