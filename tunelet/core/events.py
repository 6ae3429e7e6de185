"""Events: the facts in a log, in the past tense, never changed afterwards.

An event's JSON has the struct's fields, and a `type` with the class's name
(docs/concepts/protocol.md). A field may be added with a default; none may be renamed or removed.
Code that does not know a field refuses the entry, because it cannot know what depends on the field.
"""

from typing import Any

import msgspec
from msgspec.structs import force_setattr

from tunelet.core.experiment_state import ExperimentState
from tunelet.core.trial import Assignment, Changes, Chosen, Number, Report, TrialState


class _Event(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=True,
):
    pass


class Submitted(_Event, frozen=True):
    """An experiment began. `spec` is normalized (tunelet.request.spec)."""

    uid: str
    spec: dict[str, Any]
    at: float
    key: str | None = None
    by: str = ""
    """The installation that accepted the submission."""
    actor: str = ""
    """Who asked for the change, here and below. Empty: not known, or no one did."""


class TrialsCreated(_Event, frozen=True):
    """Trials `first`, `first + 1`, … were created; none if the event only sets `exhausted`."""

    first: int
    assignments: tuple[Assignment, ...]
    at: float
    enqueued: bool = False
    reserved: bool = False
    key: str | None = None
    exhausted: bool = False
    memory: Any = None
    notes: dict[int, Any] = {}
    """The algorithm's notes on the trials, by number."""
    parents: dict[int, int] = {}
    """The trials to copy the first checkpoints from, by the new trial's number."""
    by: str = ""
    """The installation that launches them, if they have slots."""
    user_note: str | None = None
    """Why a person or a program wanted these trials."""
    imported: str = ""
    """The fingerprint of the request that imported them, with their ends in the same entry."""
    retry_of: int | None = None
    """The trial that the only new one repeats, because it brought no result."""
    actor: str = ""


class AttemptReserved(_Event, frozen=True):
    """The trial got a slot; its run may be launched."""

    number: int
    attempt: int
    by: str = ""
    """The installation that launches it. Empty in events of older code."""


class AttemptStarted(_Event, frozen=True):
    """The run exists. If it is absent later, it was lost."""

    number: int
    attempt: int
    at: float
    by: str = ""
    """Of a study: the caller that took the waiting trial."""
    actor: str = ""


class Reported(_Event, frozen=True):
    number: int
    attempt: int
    reports: tuple[Report, ...]
    at: float | None = None
    """Only with `stall_seconds`."""


class Assigned(_Event, frozen=True):
    """The attempt has chosen hyperparameters while it runs; they replace those it had."""

    number: int
    attempt: int
    chosen: Chosen


class TrialChanged(_Event, frozen=True):
    """A caller changed its trial of a study. `revision` increases with each change of `by`."""

    number: int
    attempt: int
    changes: Changes
    by: str
    revision: int
    actor: str = ""


class AttributesSet(_Event, frozen=True):
    """Attributes of a study got new values, by name."""

    attributes: dict[str, Any] = {}
    system: dict[str, Any] = {}
    key: str | None = None
    """Which call set them, if it may come twice."""
    actor: str = ""


class NoteSet(_Event, frozen=True):
    """A person or a program set the note of a trial, or of the experiment; empty: removed it."""

    note: str
    at: float
    number: int | None = None
    actor: str = ""


class AttemptLost(_Event, frozen=True):
    """The infrastructure failed; the trial waits for its next attempt."""

    number: int
    attempt: int
    reason: str
    at: float
    delay: float | None = None
    """Seconds for which the next attempt is not launched."""
    counted: bool = True
    """Whether the attempt counts against `max_attempts`."""


class TrialEnded(_Event, frozen=True):
    number: int
    attempt: int
    state: TrialState
    at: float
    values: dict[str, Number] = {}
    reason: str | None = None
    cancelled: bool = False
    """Read only: how older versions wrote STOPPED, beside the state FAIL."""
    lost: bool = False
    own: bool = False
    """Only this attempt's reports and `values` count. In entries of older code it is absent, and
    those of earlier attempts count as well."""
    exit_code: int | None = None
    log_tail: str | None = None
    eligible: bool = False
    """STOPPED because the time or the money was spent: its values may be the best."""
    exact: bool = False
    """The trial has `values` and no others, whatever it reported."""
    by: str = ""
    """Of a study: the caller that ended the trial."""
    actor: str = ""

    def __post_init__(self) -> None:
        if self.cancelled:
            force_setattr(self, "state", TrialState.STOPPED)
            force_setattr(self, "cancelled", False)


class Paused(_Event, frozen=True):
    at: float
    actor: str = ""


class Resumed(_Event, frozen=True):
    """A paused experiment continued, or an ended one that was resumed or extended."""

    at: float
    actor: str = ""


class Extended(_Event, frozen=True):
    """Fields of the spec got new values."""

    changes: dict[str, Any]
    actor: str = ""
    at: float | None = None
    """Only with an actor."""


class MemberJoined(_Event, frozen=True):
    """The installation `member` brings `slots`; those that are not members have `others`."""

    member: str
    slots: int
    others: int = 0


class MemberLeft(_Event, frozen=True):
    """The slots of the installation `member` are gone."""

    member: str


class Ended(_Event, frozen=True):
    state: ExperimentState
    reason: str
    at: float
    actor: str = ""


class Deleted(_Event, frozen=True):
    """The tombstone. A later experiment of the same name continues in the same log."""

    at: float
    actor: str = ""


Event = (
    Submitted
    | TrialsCreated
    | AttemptReserved
    | AttemptStarted
    | Reported
    | Assigned
    | TrialChanged
    | AttributesSet
    | NoteSet
    | AttemptLost
    | TrialEnded
    | Paused
    | Resumed
    | Extended
    | MemberJoined
    | MemberLeft
    | Ended
    | Deleted
)
