"""Hyperopt as its users call it: conditions are a nested `hp.choice`."""

import math
import pickle
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from hyperopt import Trials, hp
from hyperopt.base import JOB_STATE_DONE, Domain, trials_from_docs
from hyperopt.utils import coarse_utcnow

from benchmarks.harness.libraries import Library
from tunelet.core.trial import Assignment, Scalar
from tunelet.space import Categorical, Float, Int, Parameter, Space
from tunelet.space.conditions import OneOf


class Hyperopt:
    def __init__(self, space: Space, algorithm: str, seed: int, **given: Any):
        self._algorithm = import_module(f"hyperopt.{algorithm}").suggest
        self._given = given | ({"verbose": False} if algorithm == "tpe" else {})
        self._space, self._name, self._seed = space, algorithm, seed
        self._domain = Domain(lambda _: 0.0, _nested(space))
        self._trials = Trials()
        self._stale = False
        self._asked: list[Assignment] = []

    def ask(self) -> tuple[Assignment, dict[str, Any]]:
        number = len(self._asked)
        self._refresh()
        seed = (self._seed * 1_000_003 + number) % 2**31
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (doc,) = self._algorithm([number], self._domain, self._shown(), seed, **self._given)
        doc |= {"book_time": coarse_utcnow(), "refresh_time": coarse_utcnow()}  # as fmin does
        self._insert(doc)
        values = doc["misc"]["vals"]
        assignment = self._space.build(lambda one: _decoded(one, values[one.name][0]))
        self._asked.append(assignment)
        return assignment, doc

    def tell(self, asked: dict[str, Any], values: Sequence[float]) -> None:
        asked["state"] = JOB_STATE_DONE
        asked["result"] = {"status": "ok", "loss": values[0]}
        self._refresh()

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
        doc |= {"state": JOB_STATE_DONE, "result": {"status": "ok", "loss": values[0]}}
        doc |= {"book_time": coarse_utcnow(), "refresh_time": coarse_utcnow()}
        self._insert(doc)

    def rebuilt(self) -> Callable[[], "Hyperopt"]:
        kept = pickle.dumps(self._trials._dynamic_trials)

        def make() -> Hyperopt:
            made = Hyperopt(self._space, self._name, self._seed, **self._given)
            made._asked = list(self._asked)
            made._trials = trials_from_docs(pickle.loads(kept), validate=False)
            return made

        return make

    def notes(self) -> tuple[list[Any], Any]:
        return [None] * len(self._asked), None

    def _shown(self) -> Trials:
        """Adaptive TPE fails at trials without a loss, so it gets only the others."""
        if self._name != "atpe":
            return self._trials
        ended = [one for one in self._trials.trials if one["state"] == JOB_STATE_DONE]
        return trials_from_docs(ended, validate=False)

    def _insert(self, doc: dict[str, Any]) -> None:
        self._trials._dynamic_trials.append(doc)
        self._stale = True

    def _refresh(self) -> None:
        """Refresh the trials, as fmin does after each one."""
        if self._stale:
            self._trials.refresh()
            self._stale = False


def _nested(space: Space) -> dict[str, Any]:
    """A nested space: each conditional hyperparameter is inside the options that activate it."""

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


_: type[Library] = Hyperopt
