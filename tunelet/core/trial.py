"""A trial: its hyperparameters, its reports and its outcome.

All types here are frozen msgspec structs that the log stores as JSON, so a field's name is
part of the protocol (docs/concepts/protocol.md). They are hidden from the garbage collector
(`gc=False`), because they hold no cycles, and it would take most of the time of loading many.
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
"""A measured value. JSON has neither NaN nor infinity: they are the strings
"NaN", "Infinity" and "-Infinity" (see `number` and `plain`)."""

_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def number(value: Number) -> float:
    """Convert a stored value to a float."""
    return _SPECIAL[value] if isinstance(value, str) else float(value)


def plain(value: float) -> Number:
    """Convert a float to its stored form."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


class TrialState(StrEnum):
    """Optuna's trial states, and STOPPED."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"
    STOPPED = "STOPPED"
    """It, or the experiment, was stopped while it ran or waited: neither a result nor a failure."""

    @property
    def finished(self) -> bool:
        return self not in (TrialState.WAITING, TrialState.RUNNING)


class Chosen(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """The hyperparameters that an attempt has chosen while it runs (define-by-run)."""

    hyperparameters: Assignment
    space: dict[str, Any] = {}
    """The form of each hyperparameter, as in a request, by name."""
    attributes: dict[str, Any] = {}
    """JSON that the training code attached to its trial, by name."""
    note: Any = None
    """JSON that the algorithm keeps with the trial."""


class Changes(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """What a caller adds to its trial of a study. Known names and steps get new values."""

    hyperparameters: Assignment = {}
    space: dict[str, Any] = {}
    """The forms of these hyperparameters, as in a request."""
    attributes: dict[str, Any] = {}
    system: dict[str, Any] = {}
    """JSON that the caller's library keeps with the trial."""
    reports: "tuple[Report, ...]" = ()
    """Sorted by step."""

    def __bool__(self) -> bool:
        return any(getattr(self, field) for field in self.__struct_fields__)


class Finished(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """A trial that was made elsewhere, with its values."""

    hyperparameters: Assignment
    values: dict[str, Number] = {}
    state: TrialState = TrialState.COMPLETE
    reason: str | None = None


class Report(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Intermediate values at one step, such as an epoch, by metric."""

    step: int
    values: dict[str, Number]
    attempt: int = 1


def newest(reports: Iterable[Report]) -> dict[str, Number]:
    """Return each metric's value in the last report that has it."""
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
    """Whether it has a slot of `parallel_trials`; a WAITING trial with a slot is being launched."""
    started_at: float | None = None
    finished_at: float | None = None
    reported_at: float | None = None
    """When the present attempt reported last; only with `stall_seconds`."""
    reports: tuple[Report, ...] = ()
    """Sorted by step; a step reported by a later attempt replaces the earlier one."""
    values: dict[str, Number] = {}
    """The present attempt's newest value of each metric: of its last step, or of its outcome once
    it has ended. Values of a lost attempt are only in `reports`."""
    seconds: float = 0.0
    """The running time of the ended attempts, in seconds."""
    uncounted: int = 0
    """Attempts that do not count against `max_attempts`: the machine could not begin them."""
    delay: float | None = None
    """Seconds for which this attempt waits because the last one could not begin."""
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
    """JSON that the algorithm keeps with the trial. Only the algorithm reads it."""
    imported: bool = False
    """Whether it was made elsewhere, and came with its values."""
    user_note: str | None = None
    """Why a person or a program wanted the trial. No algorithm reads it."""
    retry_of: int | None = None
    """The number of the trial that it repeats."""
    parent: int | None = None
    """The number of the trial to copy the first checkpoint from."""
    by: str = ""
    """The installation of the present attempt's run; empty: not known."""
    space: dict[str, Any] = {}
    """The forms of hyperparameters that the present attempt has chosen while it ran."""
    attributes: dict[str, Any] = {}
    """JSON that the training code attached to the trial."""
    system: dict[str, Any] = {}
    """Of a study's trial: JSON that the caller's library keeps with it."""
    revisions: dict[str, int] = {}
    """Of a study's unfinished trial: the newest revision of its `Changes`, by the caller."""

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

    def silent(self, seconds: float, now: float, heard: float = 0.0) -> bool:
        """Whether its run has given no sign of life for so long; `heard`: when it last printed."""
        if self.started_at is None or self.finished_at is not None:
            return False
        return now - max(self.started_at, self.reported_at or 0.0, heard) >= seconds

    @property
    def active(self) -> bool:
        """Whether it counts against `parallel_trials`."""
        return self.state is TrialState.RUNNING or self.reserved

    @property
    def begun(self) -> bool:
        """Whether an attempt has started: it runs, or an attempt was lost."""
        return self.state is TrialState.RUNNING or self.counted > 1

    @property
    def counted(self) -> int:
        """The number of the present attempt among `max_attempts`."""
        return self.attempt - self.uncounted

    def waits(self, now: float) -> bool:
        """Whether its attempt has to wait before the launch.

        If `now` is before the beginning of the wait, the clock was set back, and the wait is over.
        """
        until, delay = self.not_before, self.delay
        return until is not None and delay is not None and until - delay <= now < until

    @property
    def failed_itself(self) -> bool:
        """Whether it failed because of its hyperparameters or its code: an algorithm may learn.

        Failures of the infrastructure, and the end of the experiment, do not count.
        """
        return self.state is TrialState.FAIL and not self._lost

    @property
    def _lost(self) -> bool:
        """Whether the infrastructure lost it. Logs written before `lost` have only the reason."""
        reason = self.reason or ""
        old = reason.startswith("lost ") and " times, the last time: " in reason
        return self.lost or (old and self.exit_code is None)


class Verdict(StrEnum):
    """How an attempt ended."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"
    LOST = "LOST"
    """The infrastructure failed, not the training: it says nothing about the hyperparameters."""


class Outcome(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """The end of one attempt, as a launcher, the training code or a pipeline reports it."""

    verdict: Verdict
    values: dict[str, Number] = {}
    reason: str | None = None
    exit_code: int | None = None
    log_tail: str | None = None
    unbegun: bool = False
    """LOST before the training began: the next attempt waits, longer each time."""
    counted: bool = True
    """False for a LOST attempt that does not count against `max_attempts`."""
    unread: bool = False
    """Its values were not read to their end, so the last is unknown: COMPLETE counts as LOST."""
