"""What a list shows of an experiment: some 500 bytes, without its spec and its trials."""

from typing import Annotated

import msgspec

from tunelet.core.ends import held
from tunelet.core.experiment import Experiment
from tunelet.core.problem import Objective
from tunelet.core.trial import Number

Time = Annotated[float, msgspec.Meta(ge=0, lt=253_402_300_800)]
"""Seconds since 1970, before the year 10000: a stored summary with another time is not read."""


class Best(msgspec.Struct, frozen=True):
    number: int
    values: dict[str, Number]


class Summary(msgspec.Struct, frozen=True):
    """An experiment in a list. Times are seconds since 1970."""

    namespace: str
    name: str
    uid: str
    state: str
    reason: str | None
    submitted_at: Time
    ended_at: Time | None
    algorithm: str
    objectives: tuple[Objective, ...]
    max_trials: int
    counts: dict[str, int]
    labels: dict[str, str]
    best: Best | None
    """None also if there are several best trials."""
    front: int
    """How many best trials there are."""


def summary(experiment: Experiment) -> Summary:
    """Return what a list shows of the experiment."""
    best = experiment.best[0] if len(experiment.best) == 1 else None
    return Summary(
        namespace=experiment.namespace,
        name=experiment.name,
        uid=experiment.uid,
        state=experiment.state.value,
        reason=experiment.reason or held(experiment),
        submitted_at=experiment.submitted_at,
        ended_at=experiment.ended_at,
        algorithm=experiment.typed_spec.algorithm.name,
        objectives=experiment.terms.objectives,
        max_trials=experiment.terms.max_trials,
        counts=experiment.counts,
        labels=experiment.spec.get("labels", {}),
        best=Best(best.number, best.values) if best else None,
        front=len(experiment.best),
    )
