"""A space and its history as Hyperopt knows them.

Every hyperparameter is a node of its own, and conditional ones stand beside their parents.
Hyperopt models each by the trials in which it has a value, whatever branch of the space it
is on, so nothing is lost; of what it suggests, values that are not active are dropped.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hyperopt import hp
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_NEW, Domain, Trials, trials_from_docs

from algorithms.own.kept import Made, Shelf
from tunelet.ports import Problem
from tunelet.space import Categorical, Float, Int, LogNormal, Normal, Parameter, Quantized
from tunelet.trial import Assignment, Scalar, Trial, TrialState, number

_EPOCH = datetime.fromtimestamp(0)


_NEW: dict[str, Any] = {"status": "new"}


class Node(NamedTuple):
    """How Hyperopt sees a hyperparameter."""

    expression: Any
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Scalar]


class Told(NamedTuple):
    """A trial as Hyperopt is told of it."""

    doc: dict[str, Any]
    loss: float
    pruned: bool


class History:
    """What Hyperopt's algorithms are called with; `take` adds trials that run from now on.

    `bounded` is for algorithms that know no distribution without bounds or with weights.
    """

    def __init__(self, problem: Problem, bounded: bool = False) -> None:
        self._space = problem.space
        self._objective = problem.objectives[0]
        self._nodes = {
            one.name: quantile(one) if bounded and _is_special(one) else node(one)
            for one in problem.space
        }
        self.domain = Domain(
            _never_called, {name: each.expression for name, each in self._nodes.items()}
        )
        self._told: Made[Told | None] = Made(self._tell)
        self._docs: list[dict[str, Any]] = []
        self.next_id = 0

    def follow(self, problem: Problem, trials: Sequence[Trial]) -> None:
        self._told.follow([*problem.prior, *trials])
        told = [each for each in self._told.each if each is not None]
        losses = (each.loss for each in told if not each.pruned)
        worst = max((loss for loss in losses if math.isfinite(loss)), default=math.inf)
        for each in told:
            if each.pruned:
                each.doc["result"] = _result(max(each.loss, worst))
        self._docs = [each.doc for each in told]
        self.next_id = len(self._told.each)

    def trials(self, ended: bool = False) -> Trials:
        """All trials, or only those that have a loss."""
        docs = [doc for doc in self._docs if not ended or "loss" in doc["result"]]
        return trials_from_docs(docs, validate=False)

    def assignment(self, values: Mapping[str, Sequence[Any]]) -> Assignment:
        """The assignment of which these are the values by label."""
        nodes = self._nodes
        return self._space.build(
            lambda one: one.canonical(nodes[one.name].decode(values[one.name][0]))
        )

    def take(self, assignment: Assignment) -> None:
        self._docs.append(self._document(self.next_id, assignment, JOB_STATE_NEW, _NEW))
        self.next_id += 1

    def _fits(self, trial: Trial) -> bool:
        """Whether all values are possible here; those from another experiment may not be."""
        known = self._space.parameters
        return all(
            name in known and known[name].fault(value) is None
            for name, value in trial.hyperparameters.items()
        )

    def _tell(self, tid: int, trial: Trial) -> Told | None:
        if not self._fits(trial):
            return None
        if not trial.state.finished:
            doc = self._document(tid, trial.hyperparameters, JOB_STATE_NEW, _NEW)
            return Told(doc, math.nan, False)
        loss = math.nan if trial.state is TrialState.FAIL else self._loss(trial)
        doc = self._document(tid, trial.hyperparameters, JOB_STATE_DONE, _result(loss))
        return Told(doc, loss, trial.state is TrialState.PRUNED)

    def _loss(self, trial: Trial) -> float:
        """What Hyperopt is to minimize; NaN if the trial has nothing of it."""
        value = number(trial.values.get(self._objective.metric, math.nan))
        return value if self._objective.direction == "minimize" else -value

    def _document(
        self, tid: int, assignment: Assignment, state: int, result: dict[str, Any]
    ) -> dict[str, Any]:
        active = assignment.keys()
        nodes = self._nodes
        return {
            "tid": tid,
            "state": state,
            "spec": None,
            "result": result,
            "misc": {
                "tid": tid,
                "cmd": None,
                "idxs": {name: [tid] if name in active else [] for name in nodes},
                "vals": {
                    name: [each.encode(assignment[name])] if name in active else []
                    for name, each in nodes.items()
                },
            },
            "exp_key": None,
            "owner": None,
            "version": 0,
            "book_time": _EPOCH,
            "refresh_time": _EPOCH,
        }


HISTORIES: Shelf[History] = Shelf()
"""By whether they are bounded."""


def _result(loss: float) -> dict[str, Any]:
    return {"status": "ok", "loss": loss} if math.isfinite(loss) else {"status": "fail"}


def node(parameter: Parameter) -> Node:
    """Hyperopt's own distribution where it has one, else the quantile on [0, 1]."""
    name = parameter.name
    match parameter:
        case Categorical(choices=choices, weights=weights):
            places = {(isinstance(one, bool), one): i for i, one in enumerate(choices)}
            return Node(
                _choice(name, len(choices), weights),
                lambda value: places[isinstance(value, bool), value],
                lambda place: choices[int(place)],
            )
        case Int(scale="log", min=low, max=high):
            expression = hp.qloguniform(name, math.log(low - 0.5), math.log(high + 0.5), 1)
            return Node(expression, int, lambda value: min(max(int(value), low), high))
        case Int(count=int(count)) | Float(scale="linear", step=float(), count=int(count)):
            values: dict[Any, int] = {parameter.at(place): place for place in range(count)}
            return Node(
                hp.quniform(name, -0.5, count - 0.5, 1),
                lambda value: float(values[parameter.canonical(value)]),
                lambda place: parameter.at(min(max(int(place), 0), count - 1)),
            )
        case Float(scale="linear" | "log" as scale, min=low, max=high, step=None):
            expression = (
                hp.uniform(name, low, high)
                if scale == "linear"
                else hp.loguniform(name, math.log(low), math.log(high))
            )
            return Node(expression, float, lambda value: min(max(float(value), low), high))
        case Quantized(min=low, max=high, step=step, scale=scale):
            expression = (
                hp.quniform(name, low, high, step)
                if scale == "linear"
                else hp.qloguniform(name, math.log(low), math.log(high), step)
            )
            return Node(expression, float, parameter.canonical)
        case LogNormal() if not parameter.integer and parameter.step is None:
            return Node(hp.lognormal(name, parameter.mean, parameter.std), float, float)
        case Normal() if type(parameter) is Normal:
            return _normal(parameter)
        case _:
            return quantile(parameter)


def _is_special(parameter: Parameter) -> bool:
    """Without bounds, or with weights."""
    return isinstance(parameter, Normal) or (
        isinstance(parameter, Categorical) and bool(parameter.weights)
    )


def quantile(parameter: Parameter) -> Node:
    """The hyperparameter by its quantile, which is uniform on [0, 1]."""
    return Node(hp.uniform(parameter.name, 0.0, 1.0), parameter.to_unit, parameter.from_unit)


def _normal(parameter: Normal) -> Node:
    name, mean, std = parameter.name, parameter.mean, parameter.std
    if parameter.step is None and not parameter.integer:
        return Node(hp.normal(name, mean, std), float, float)
    step = parameter.step or 1.0
    whole = int if parameter.integer else float
    return Node(hp.qnormal(name, mean, std, step), float, lambda value: whole(round(value, 12)))


def _choice(name: str, count: int, weights: Sequence[float]) -> Any:
    if not weights:
        return hp.choice(name, list(range(count)))
    total = sum(weights)
    return hp.pchoice(name, [(weight / total, place) for place, weight in enumerate(weights)])


def _never_called(_assignment: Any) -> None:
    raise AssertionError("trials are run by the service")
