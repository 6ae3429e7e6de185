"""What is known of one trial: its hyperparameters, its reports and how it ended.

Everything here is frozen and goes into the log as JSON as it stands (msgspec structs),
so a field's name is part of the protocol (docs/protocol.md). They hold no cycles, which
the garbage collector need not look for: it would take most of the time of loading many.
"""

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import force_setattr

Scalar = bool | int | float | str | None
"""A hyperparameter's value."""

Assignment = dict[str, Scalar]
"""Hyperparameters by name; a conditional one that is not active is absent."""

Number = float | str
"""A measured value. JSON has no NaN and no infinity: these three are the strings
"NaN", "Infinity" and "-Infinity" (see `number` and `plain`)."""

_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def number(value: Number) -> float:
    """The float that a stored value stands for."""
    return _SPECIAL[value] if isinstance(value, str) else float(value)


def plain(value: float) -> Number:
    """The stored form of a float."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


class TrialState(StrEnum):
    """Optuna's trial states, and one for what the end of the experiment cut off."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"
    STOPPED = "STOPPED"
    """The experiment ended while the trial ran or waited: neither a result nor a failure."""

    @property
    def finished(self) -> bool:
        return self not in (TrialState.WAITING, TrialState.RUNNING)


class Report(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Intermediate values at one step (an epoch, say), by metric."""

    step: int
    values: dict[str, Number]
    attempt: int = 1


def newest(reports: Iterable[Report]) -> dict[str, Number]:
    """Of each metric the value of the last report that has it."""
    values: dict[str, Number] = {}
    for report in reports:
        values |= report.values
    return values


class Trial(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One trial. Times are seconds since the epoch."""

    number: int
    hyperparameters: Assignment
    created_at: float
    state: TrialState = TrialState.WAITING
    attempt: int = 1
    enqueued: bool = False
    reserved: bool = False
    """Has a slot of `parallel_trials`; a WAITING trial with one is being launched."""
    started_at: float | None = None
    finished_at: float | None = None
    reports: tuple[Report, ...] = ()
    """By ascending step; a step reported by a later attempt replaces the earlier one."""
    values: dict[str, Number] = {}
    """The newest value of each metric that the present attempt gave, by step, and in the end by
    its outcome. What a lost attempt reported is in `reports` only."""
    seconds: float = 0.0
    """Running time of the attempts that ended, in seconds."""
    uncounted: int = 0
    """How many attempts took none of `max_attempts`: the machine could not begin them."""
    delay: float | None = None
    """For how many seconds this attempt waits since the last one could not begin."""
    not_before: float | None = None
    """When this attempt may be launched; None: at once."""
    reason: str | None = None
    cancelled: bool = False
    """Read only: how older versions wrote STOPPED, beside the state FAIL."""
    lost: bool = False
    """FAIL because the infrastructure lost its last attempt; see `failed_itself`."""
    exit_code: int | None = None
    log_tail: str | None = None
    """The last lines of output of a trial that failed."""
    note: Any = None
    """JSON that the algorithm keeps with the trial; nobody else reads it."""
    parent: int | None = None
    """The trial with whose checkpoint this one begins."""
    by: str = ""
    """The installation that the present attempt's run belongs to; empty: not known."""

    def __post_init__(self) -> None:
        if self.cancelled:
            force_setattr(self, "state", TrialState.STOPPED)
            force_setattr(self, "cancelled", False)

    @property
    def measured(self) -> dict[str, Number]:
        """The newest value of each metric that the present attempt reported."""
        if self.attempt == 1:
            return self.values
        return newest(each for each in self.reports if each.attempt == self.attempt)

    @property
    def active(self) -> bool:
        """Counts against `parallel_trials`."""
        return self.state is TrialState.RUNNING or self.reserved

    @property
    def begun(self) -> bool:
        """It runs, or an attempt of it was lost: its turn has come."""
        return self.state is TrialState.RUNNING or self.counted > 1

    @property
    def counted(self) -> int:
        """Which of `max_attempts` the present attempt is."""
        return self.attempt - self.uncounted

    def waits(self, now: float) -> bool:
        """Its attempt is not to be launched yet.

        A clock that shows less than when the wait began was set back, and does not prolong it.
        """
        until, delay = self.not_before, self.delay
        return until is not None and delay is not None and until - delay <= now < until

    @property
    def failed_itself(self) -> bool:
        """Failed because of its hyperparameters or its code, so an algorithm may learn from it.

        Neither the infrastructure nor the end of the experiment is a verdict on a trial.
        """
        return self.state is TrialState.FAIL and not self._lost

    @property
    def _lost(self) -> bool:
        """Logs written before `lost` have only the reason."""
        reason = self.reason or ""
        old = reason.startswith("lost ") and " times, the last time: " in reason
        return self.lost or (old and self.exit_code is None)


class Verdict(StrEnum):
    """How an attempt ended."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"
    LOST = "LOST"
    """The infrastructure failed, not the training: no verdict on the hyperparameters."""


class Outcome(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """The end of one attempt, as a launcher, the training code or a pipeline tells it."""

    verdict: Verdict
    values: dict[str, Number] = {}
    reason: str | None = None
    exit_code: int | None = None
    log_tail: str | None = None
    unbegun: bool = False
    """LOST before the training began: the next attempt waits, each time longer."""
    counted: bool = True
    """False, of one that is LOST: for no reason of its own, so it takes none of `max_attempts`."""
    unread: bool = False
    """Its values were not read to their end, so the last one is not known: COMPLETE means LOST."""
