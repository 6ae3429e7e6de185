"""Recognize failures that are alike, so that an experiment with a broken training ends. Pure.

Trials that fail one after the other in the same way, before any has completed, show that the
training is broken, or that their hyperparameters are bad. These rules distinguish the two as far
as possible:

- Two failures are alike if exit code, reason and last line of output are the same, apart from
  numbers, paths and the values of hyperparameters, which differ between trials.
- Out of memory and `bad_exit_codes` mean bad hyperparameters, and do not count.
- As long as all the trials share a value of a hyperparameter, that value may be the cause: then
  twice as many have to fail. This does not apply if the training could not start or was lost.
"""

import re
from typing import Any

import msgspec

from tunelet.core.spec import Spec
from tunelet.core.trial import Assignment, Scalar, Trial
from tunelet.text.lazy_pattern import lazy_pattern

_CANNOT_START = (126, 127)
"""Exit codes of a shell and of the process launcher for a program that cannot be executed."""
_KILLED = 137
_MEMORY = lazy_pattern("out of memory|MemoryError", re.IGNORECASE)
_WORD = lazy_pattern(r"\S+")
_VARIES = lazy_pattern(r"[\d/\\]")
REASON_LENGTH = 300
"""The most characters of a reason that are kept."""


class Failures(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The newest failures in a row that are alike."""

    count: int = 0
    kind: str = ""
    """The common text of the failures, without the parts that differ between trials."""
    reason: str = ""
    """The reason of the newest failed trial."""
    shared: Assignment = {}
    """The hyperparameter values that all of them share and that could be the cause."""

    def reach(self, limit: int | None) -> bool:
        """Whether they are enough to give up. None and 0 mean no limit."""
        if not limit or self.count < limit:
            return False
        return limit == 1 or not self.shared or self.count >= 2 * limit


def followed(failures: Failures, trial: Trial, spec: dict[str, Any]) -> Failures:
    """Return the failures after `trial` failed too."""
    if _is_verdict(trial, spec):
        return failures
    kind, shared = _kind(trial), _suspects(trial, spec)
    count = 1
    if failures.count and kind == failures.kind:
        count = failures.count + 1
        shared = {n: v for n, v in shared.items() if _same(v, failures.shared, n)}
    return Failures(count=count, kind=kind, reason=_in_words(trial), shared=shared)


def _is_verdict(trial: Trial, spec: dict[str, Any]) -> bool:
    """Whether the failure means that the hyperparameters are bad."""
    bad = Spec(spec).bad_exit_codes
    said = f"{trial.reason or ''}\n{trial.log_tail or ''}"
    return trial.exit_code in (*bad, _KILLED) or _MEMORY.search(said) is not None


def _suspects(trial: Trial, spec: dict[str, Any]) -> Assignment:
    """Return the values that could have made the trial fail: it ran, and they could differ."""
    if trial.lost or trial.started_at is None or trial.exit_code in _CANNOT_START:
        return {}
    space = Spec(spec).hyperparameters
    return {n: v for n, v in trial.hyperparameters.items() if _can_differ(space.get(n, {}))}


def _can_differ(form: dict[str, Any]) -> bool:
    if "choices" in form:
        return len(form["choices"]) > 1
    return "min" not in form or form["min"] != form["max"]


def _same(value: Scalar, others: Assignment, name: str) -> bool:
    """Whether the value is the same; JSON's true differs from 1."""
    return name in others and (type(value), value) == (type(others[name]), others[name])


def _kind(trial: Trial) -> str:
    """Return a failure's text without the parts that differ between trials."""
    said = trial.reason or ""
    if trial.exit_code not in (None, 0, *_CANNOT_START):
        said = f"{said}\n{_last_line(trial)}"
    for value in trial.hyperparameters.values():
        if isinstance(value, str) and value:
            said = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "#", said)
    return f"{trial.exit_code} {_WORD.sub(_common, said)[:REASON_LENGTH]}"


def _common(word: re.Match[str]) -> str:
    return "#" if _VARIES.search(word[0]) else word[0]


def _in_words(trial: Trial) -> str:
    said = trial.reason or "without a reason"
    last = _last_line(trial) if trial.exit_code else ""
    return (f"{said}: {last}" if last else said)[:REASON_LENGTH]


def _last_line(trial: Trial) -> str:
    return (trial.log_tail or "").strip().rpartition("\n")[2]
