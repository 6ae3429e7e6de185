"""An experiment's history as Hyperopt knows it."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hyperopt.base import JOB_STATE_DONE, JOB_STATE_NEW, Domain, Trials, trials_from_docs

from algorithms.hyperopt.nodes import nested
from algorithms.lessons import Lesson, lesson
from algorithms.memo import Memo, MemoCache
from tunelet.core.problem import Problem
from tunelet.core.trial import Assignment, Trial, TrialState

_EPOCH = datetime.fromtimestamp(0)
_NEW: dict[str, Any] = {"status": "new"}
_PENDING = Lesson.PENDING


_FAILED: dict[str, Any] = {"status": "fail"}


class Told(NamedTuple):
    """A trial as Hyperopt is told of it."""

    doc: dict[str, Any]
    loss: float
    taught: Lesson


class History:
    """What Hyperopt's algorithms are called with; `take` adds trials that run from now on.

    `bounded` is for adaptive TPE, which knows no distribution without bounds or with weights, and
    no trial without a loss: what failed has the worst one, once there is one.
    """

    def __init__(self, problem: Problem, bounded: bool = False) -> None:
        self._space = problem.space
        self._objective = problem.objectives[0]
        self._bounded = bounded
        self._nodes, expression = nested(problem.space, bounded)
        self.domain = Domain(_never_called, expression)
        self._told: Memo[Told | None] = Memo(self._tell)
        self._docs: list[dict[str, Any]] = []
        self.next_id = 0

    def follow(self, problem: Problem, trials: Sequence[Trial]) -> None:
        self._told.follow([*problem.prior, *trials])
        told = [each for each in self._told.each if each is not None]
        losses = (each.loss for each in told if each.taught is Lesson.RESULT)
        worst = max((loss for loss in losses if math.isfinite(loss)), default=math.inf)
        for each in told:
            if each.taught is Lesson.PARTIAL:
                each.doc["result"] = _result(max(each.loss, worst))
            elif self._bounded and not math.isfinite(each.loss) and each.taught is not _PENDING:
                each.doc["result"] = _result(worst)
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

    def _tell(self, tid: int, trial: Trial) -> Told | None:
        """None of a trial from which there is nothing to learn."""
        taught = lesson(trial, (self._objective,))
        # Of what was stopped, nobody knows whether it was bad.
        stopped = taught is Lesson.PARTIAL and trial.state is not TrialState.PRUNED
        if stopped or taught is Lesson.NOTHING or not self._space.possible(trial.hyperparameters):
            return None
        if taught is _PENDING:
            doc = self._document(tid, trial.hyperparameters, JOB_STATE_NEW, _NEW)
            return Told(doc, math.nan, taught)
        failed = taught is Lesson.FAILURE
        loss = math.nan if failed else self._objective.loss(trial.values)
        doc = self._document(tid, trial.hyperparameters, JOB_STATE_DONE, _result(loss))
        return Told(doc, loss, taught)

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


HISTORIES: MemoCache[History] = MemoCache()
"""By whether they are bounded."""


def _result(loss: float) -> dict[str, Any]:
    return {"status": "ok", "loss": loss} if math.isfinite(loss) else _FAILED


def _never_called(_assignment: Any) -> None:
    raise AssertionError("trials are run by the service")
