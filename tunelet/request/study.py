"""The spec of a study: an experiment whose callers make its trials (tunelet.core.study)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tunelet.request.shapes import Algorithm, Objective, Request, Workers
from tunelet.request.spec import normalized

TRIALS = 1_000_000
"""The most trials of a study, as of any experiment."""


def study_spec(
    namespace: str, name: str, study: dict[str, Any], library: str, directions: Sequence[str]
) -> dict[str, Any]:
    """Return the spec of a study.

    `study` is what the `library` calls it; `directions` are "minimize" or "maximize", one for each
    objective. An objective alone has the metric "objective", several "objective_0" and so on.
    """
    alone = len(directions) == 1
    metrics = ["objective"] if alone else [f"objective_{i}" for i in range(len(directions))]
    request = Request(
        name=name,
        namespace=namespace,
        model_training_code=Workers(workers=True),
        hyperparameters={},
        define_by_run=True,
        hpo_algorithm=Algorithm(name=library),
        objectives=[
            msgspec.convert({"metric": metric, "direction": direction}, Objective)
            for metric, direction in zip(metrics, directions, strict=True)
        ],
        max_trials=TRIALS,
        give_up_after=None,
    )
    return {**normalized(request, {}, []), "parallel_trials": 0, "study": study}
