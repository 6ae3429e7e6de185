"""Failures that are alike: of what cannot work, or cannot even start. Pure.

Trials that fail one after the other in the same way, before any has completed, say that the
training is broken; but it may also be that their hyperparameters are bad. These rules tell them
apart as far as that can be done:

- Two failures are alike if exit code, reason and last line of output are the same but for what
  differs between trials: numbers, paths and the values of hyperparameters.
- Running out of memory and `bad_exit_codes` are a verdict on the hyperparameters, and do not count.
- As long as all the trials share a value of a hyperparameter, that value may be the cause: then
  twice as many have to fail. Not where the training could not start, or was lost each time.
"""

import re
from typing import Any

import msgspec

from tunelet.core.trial import Assignment, Scalar, Trial

_CANNOT_START = (126, 127)
"""Exit codes of a shell, and of the process launcher, for a program that cannot be executed."""
_KILLED = 137
_MEMORY = re.compile("out of memory|MemoryError", re.IGNORECASE)
_VARIES = re.compile(r"\S*[\d/\\]\S*")
_SHOWN = 300
"""So many characters of a reason are kept."""


class Failures(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The newest failures in a row that are alike."""

    count: int = 0
    kind: str = ""
    """What they have in common."""
    reason: str = ""
    """Why the newest trial failed, in its own words."""
    shared: Assignment = {}
    """The values that all of them have, of hyperparameters that could be the cause."""

    def reach(self, limit: int | None) -> bool:
        """Whether they are enough to give up. None and 0 are no limit."""
        if not limit or self.count < limit:
            return False
        return limit == 1 or not self.shared or self.count >= 2 * limit


def followed(failures: Failures, trial: Trial, spec: dict[str, Any]) -> Failures:
    """`failures`, and then that of `trial`."""
    if _is_verdict(trial, spec):
        return failures
    kind, shared = _kind(trial), _suspects(trial, spec)
    count = 1
    if failures.count and kind == failures.kind:
        count = failures.count + 1
        shared = {n: v for n, v in shared.items() if _same(v, failures.shared, n)}
    return Failures(count=count, kind=kind, reason=_in_words(trial), shared=shared)


def _is_verdict(trial: Trial, spec: dict[str, Any]) -> bool:
    """Whether the failure says that the hyperparameters are bad."""
    bad = spec.get("model_training_code", {}).get("bad_exit_codes", ())
    said = f"{trial.reason or ''}\n{trial.log_tail or ''}"
    return trial.exit_code in (*bad, _KILLED) or _MEMORY.search(said) is not None


def _suspects(trial: Trial, spec: dict[str, Any]) -> Assignment:
    """The hyperparameters that could have made the trial fail: it ran, and they could differ."""
    if trial.lost or trial.started_at is None or trial.exit_code in _CANNOT_START:
        return {}
    space = spec.get("hyperparameters", {})
    return {n: v for n, v in trial.hyperparameters.items() if _can_differ(space.get(n, {}))}


def _can_differ(form: dict[str, Any]) -> bool:
    if "choices" in form:
        return len(form["choices"]) > 1
    return "min" not in form or form["min"] != form["max"]


def _same(value: Scalar, others: Assignment, name: str) -> bool:
    """JSON's true is another value than 1."""
    return name in others and (type(value), value) == (type(others[name]), others[name])


def _kind(trial: Trial) -> str:
    """What is left of a failure without that by which trials differ."""
    said = trial.reason or ""
    if trial.exit_code not in (None, 0, *_CANNOT_START):
        said = f"{said}\n{_last_line(trial)}"
    for value in trial.hyperparameters.values():
        if isinstance(value, str) and value:
            said = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "#", said)
    return f"{trial.exit_code} {_VARIES.sub('#', said)[:_SHOWN]}"


def _in_words(trial: Trial) -> str:
    said = trial.reason or "without a reason"
    last = _last_line(trial) if trial.exit_code else ""
    return (f"{said}: {last}" if last else said)[:_SHOWN]


def _last_line(trial: Trial) -> str:
    return (trial.log_tail or "").strip().rpartition("\n")[2]
