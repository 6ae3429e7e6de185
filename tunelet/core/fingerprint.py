"""Fingerprints that show whether a request is repeated, and whether a run is its trial's own.

They are computed from the log's contents, so that logs of any age have them.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from tunelet.core.trial import Assignment, Finished, Trial


def of_submit(spec: dict[str, Any]) -> str:
    """Return a spec's fingerprint, without the trial counts of the `warm_start` experiments."""
    sources = [each["name"] for each in spec.get("warm_start", ())]
    return _digest({**spec, "warm_start": sources})


def of_enqueue(assignments: Sequence[Assignment], user_note: str | None = None) -> str:
    """Return the fingerprint of the trials to enqueue."""
    trials = list(assignments)
    return _digest(trials if user_note is None else {"trials": trials, "note": user_note})


def of_retry(number: int, hyperparameters: Assignment) -> str:
    """Return the fingerprint of the retry of a trial."""
    return _digest({"retry_of": number, "hyperparameters": hyperparameters})


def of_import(trials: Sequence[Finished], counts: bool) -> str:
    """Return the fingerprint of the finished trials to import."""
    return _digest({"trials": list(trials), "counts": counts})


def of_trial(trial: Trial) -> str:
    """Return the fingerprint of the values with which the trial's present attempt is launched.

    Empty if the attempt chooses its hyperparameters itself.
    """
    if trial.space or not trial.hyperparameters:
        return ""
    return _digest({"hyperparameters": trial.hyperparameters, "parent": trial.parent})


def _digest(request: Any) -> str:
    return sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()[:32]
