"""An experiment's trials as Hyperopt's documents."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hyperopt.base import JOB_STATE_DONE, JOB_STATE_NEW, Domain, Trials, trials_from_docs

from algorithms.evidence import Evidence, evidence
from algorithms.hyperopt.nodes import nested
from algorithms.memo import Memo, MemoCache
from tunelet.core.problem import Problem
from tunelet.core.trial import Assignment, Trial, TrialState

_EPOCH = datetime.fromtimestamp(0)
_NEW: dict[str, Any] = {"status": "new"}
_PENDING = Evidence.PENDING


_FAILED: dict[str, Any] = {"status": "fail"}


class Record(NamedTuple):
    """A trial as Hyperopt's document."""

    doc: dict[str, Any]
    loss: float
    evidence: Evidence


class History:
    """The arguments of Hyperopt's algorithms; `take` adds trials that run from now on.

    `bounded` is for adaptive TPE. It supports no distribution without bounds or with weights, and
    no trial without a loss: a failed trial gets the worst loss, once there is one.
    """

    def __init__(self, problem: Problem, bounded: bool = False) -> None:
        self._space = problem.space
        self._objective = problem.objectives[0]
        self._bounded = bounded
        self._nodes, expression = nested(problem.space, bounded)
        self.domain = Domain(_never_called, expression)
        self._records: Memo[Record | None] = Memo(self._record)
        self._docs: list[dict[str, Any]] = []
        self.next_id = 0

    def update(self, problem: Problem, trials: Sequence[Trial]) -> None:
        self._records.update([*problem.prior, *trials])
        records = [each for each in self._records.each if each is not None]
        losses = (each.loss for each in records if each.evidence is Evidence.RESULT)
        worst = max((loss for loss in losses if math.isfinite(loss)), default=math.inf)
        for each in records:
            if each.evidence is Evidence.PARTIAL:
                each.doc["result"] = _result(max(each.loss, worst))
            elif self._bounded and not math.isfinite(each.loss) and each.evidence is not _PENDING:
                each.doc["result"] = _result(worst)
        self._docs = [each.doc for each in records]
        self.next_id = len(self._records.each)

    def trials(self, ended: bool = False) -> Trials:
        """Return all trials, or only those with a loss."""
        docs = [doc for doc in self._docs if not ended or "loss" in doc["result"]]
        return trials_from_docs(docs, validate=False)

    def assignment(self, values: Mapping[str, Sequence[Any]]) -> Assignment:
        """Return the assignment with Hyperopt's `values`, by label."""
        nodes = self._nodes
        return self._space.build(
            lambda one: one.canonical(nodes[one.name].decode(values[one.name][0]))
        )

    def take(self, assignment: Assignment) -> None:
        self._docs.append(self._document(self.next_id, assignment, JOB_STATE_NEW, _NEW))
        self.next_id += 1

    def _record(self, tid: int, trial: Trial) -> Record | None:
        """The trial's record; None if it is no evidence."""
        found = evidence(trial, (self._objective,))
        # A trial that was stopped with its experiment was not found to be bad.
        stopped = found is Evidence.PARTIAL and trial.state is not TrialState.PRUNED
        if stopped or found is Evidence.NONE or not self._space.possible(trial.hyperparameters):
            return None
        if found is _PENDING:
            doc = self._document(tid, trial.hyperparameters, JOB_STATE_NEW, _NEW)
            return Record(doc, math.nan, found)
        failed = found is Evidence.FAILURE
        loss = math.nan if failed else self._objective.loss(trial.values)
        doc = self._document(tid, trial.hyperparameters, JOB_STATE_DONE, _result(loss))
        return Record(doc, loss, found)

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
"""The histories of experiments, keyed also by `bounded`."""


def _result(loss: float) -> dict[str, Any]:
    return {"status": "ok", "loss": loss} if math.isfinite(loss) else _FAILED


def _never_called(_assignment: Any) -> None:
    raise AssertionError("trials are run by the service")
