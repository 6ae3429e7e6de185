"""Convert experiments and trials to the API's JSON, with links between them."""

from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import msgspec

from tunelet.core.ends import held
from tunelet.core.experiment import Experiment
from tunelet.core.problem import Objective
from tunelet.core.summary import Summary
from tunelet.core.trial import Trial
from tunelet.log.audit import Change

Json = dict[str, Any]

_encode = msgspec.json.Encoder().encode


def submitted(experiment: Experiment, obstacle: str | None = None) -> Json:
    """Return the answer to a submit, with links to everything else."""
    return {
        **({"warnings": [f"no trial can start now: {obstacle}"]} if obstacle else {}),
        "name": experiment.name,
        "namespace": experiment.namespace,
        "state": experiment.state.value,
        "links": _links(experiment),
    }


def experiment_json(experiment: Experiment) -> Json:
    return {
        "name": experiment.name,
        "namespace": experiment.namespace,
        "uid": experiment.uid,
        "state": experiment.state.value,
        "reason": experiment.reason or held(experiment),
        "submitted_at": time_json(experiment.submitted_at),
        "ended_at": time_json(experiment.ended_at),
        "spec": experiment.spec | {"hyperparameters": experiment.space},
        "counts": experiment.counts,
        **best_json(experiment, [experiment.noted(trial) for trial in experiment.best]),
        "note": experiment.note or None,
        "revision": revision_of(experiment),
        "links": _links(experiment),
    }


def revision_of(experiment: Experiment) -> int:
    """Return another number if the spec or a note is another one."""
    notes = sorted(experiment.notes_on_trials.items())
    return crc32(_encode((experiment.spec, experiment.note or None, notes)))


def overview_json(summary: Summary) -> Json:
    """Return an experiment in a list."""
    return {
        **msgspec.structs.asdict(summary),
        "submitted_at": time_json(summary.submitted_at),
        "ended_at": time_json(summary.ended_at),
        "objectives": [_objective(each) for each in summary.objectives],
        "best": msgspec.structs.asdict(summary.best) if summary.best else None,
    }


def _objective(objective: Objective) -> Json:
    return {"metric": objective.metric, "direction": objective.direction}


def change_json(change: Change) -> Json:
    return {**change._asdict(), "at": time_json(change.at), "actor": change.actor or None}


def best_json(experiment: Experiment, best: list[Trial]) -> Json:
    """Return the `best` trial (null if none is complete), or several objectives' `pareto` front."""
    if len(experiment.terms.objectives) > 1:
        return {"pareto": [trial_json(trial) for trial in best]}
    return {"best": trial_json(best[0]) if best else None}


def trial_json(trial: Trial) -> Json:
    return {
        "number": trial.number,
        "attempt": trial.attempt,
        "state": trial.state.value,
        "hyperparameters": trial.hyperparameters,
        "attributes": trial.attributes,
        "values": trial.values,
        "reason": trial.reason,
        "reports": [{"step": each.step, "values": each.values} for each in trial.reports],
        "created_at": time_json(trial.created_at),
        "started_at": time_json(trial.started_at),
        "finished_at": time_json(trial.finished_at),
        "enqueued": trial.enqueued,
        "imported": trial.imported,
        "note": trial.user_note,
        "retry_of": trial.retry_of,
        "parent": trial.parent,
        "exit_code": trial.exit_code,
        "log_tail": trial.log_tail,
    }


def base(namespace: str | None) -> str:
    """Return the path at which a namespace's routes begin."""
    return "/api" if namespace in (None, "default") else f"/api/namespaces/{namespace}"


def _links(experiment: Experiment) -> Json:
    here = f"{base(experiment.namespace)}/experiments/{experiment.name}"
    return {"self": here, "trials": f"{here}/trials", "best": f"{here}/best"}


def time_json(seconds: float | None) -> str | None:
    """Format seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
