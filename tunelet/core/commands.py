"""Commands: requests to change an experiment. `decide` turns a command into events.

Every command is idempotent through a natural key, so that it may always be sent again:
(trial, attempt, step) for reports, (trial, attempt) for starts and ends, the number of the
first trial for suggestions, the caller's key for submit and enqueue. In an inbox batch
(tunelet.log.inbox) a command is a JSON object: its fields, and a `type`.
"""

from typing import Any

import msgspec

from tunelet.core.trial import (
    Assignment,
    Changes,
    Chosen,
    Finished,
    Number,
    Outcome,
    Report,
    TrialState,
)
from tunelet.text.limits import STEPS


class _Command(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=True,
):
    pass


class Submit(_Command, frozen=True):
    uid: str
    spec: dict[str, Any]
    key: str | None = None
    actor: str = ""
    """Who asks for the change, here and below; empty: not known."""


class AddTrials(_Command, frozen=True):
    """An algorithm's answer: trials with the numbers `first`, `first + 1`, and so on.

    It has no effect if the algorithm was asked about another state: if a trial number `first`
    exists by now, or if the experiment's algorithm is no longer `asked`, the one in the spec then.
    """

    first: int
    assignments: tuple[Assignment, ...]
    exhausted: bool = False
    memory: Any = None
    notes: dict[int, Any] = {}
    """By the trial's number."""
    parents: dict[int, int] = {}
    asked: dict[str, Any] | None = None
    ahead: bool = False
    """Whether more trials may be added than have room. They wait for the next slots of anyone."""


class Enqueue(_Command, frozen=True):
    assignments: tuple[Assignment, ...]
    key: str | None = None
    user_note: str | None = None
    """Why a person or a program wants these trials."""
    actor: str = ""


class Import(_Command, frozen=True):
    """Add trials that were made elsewhere.

    Unless it `counts`, `max_trials` and `max_failed_trials` rise by the number of those that would.
    """

    trials: tuple[Finished, ...]
    key: str
    counts: bool = False
    actor: str = ""


class Start(_Command, frozen=True):
    """The launcher has started the run."""

    number: int
    attempt: int
    at: float | None = None
    """When, in seconds since the epoch; None: now."""


class Ask(_Command, frozen=True):
    """A worker takes up to `count` of the trials that wait, and starts them.

    `by` identifies the worker's request: repeated, it takes no more trials.
    """

    count: int
    by: str
    actor: str = ""


class Record(_Command, frozen=True):
    number: int
    attempt: int
    reports: tuple[Report, ...]
    steps: int = STEPS
    """At how many steps the trial may have values."""


class Assign(_Command, frozen=True):
    """The attempt has chosen these hyperparameters, all of them so far, while it runs."""

    number: int
    attempt: int
    chosen: Chosen


class Finish(_Command, frozen=True):
    number: int
    attempt: int
    outcome: Outcome
    reports: tuple[Report, ...] = ()


class CreateTrial(_Command, frozen=True):
    """A caller creates a trial of a study, in any state. Times are seconds since 1970.

    The state afterwards has its number under `key`.
    """

    key: str
    by: str
    state: TrialState = TrialState.RUNNING
    changes: Changes = Changes()
    values: dict[str, Number] = {}
    """Final ones, by metric."""
    note: Any = None
    started_at: float | None = None
    finished_at: float | None = None
    actor: str = ""


class TakeTrial(_Command, frozen=True):
    """A caller takes a waiting trial of a study.

    The trial's `by` afterwards is the `by` of the one command that took it.
    """

    number: int
    by: str
    actor: str = ""


class ChangeTrial(_Command, frozen=True):
    """A caller changes a trial of a study that has not ended.

    `revision` increases with each change by this caller, so that an older one has no effect.
    """

    number: int
    by: str
    revision: int
    changes: Changes
    actor: str = ""


class EndTrial(_Command, frozen=True):
    """A caller ends a trial of a study.

    The trial's `by` afterwards is the `by` of the one command that ended it.
    """

    number: int
    by: str
    state: TrialState
    changes: Changes = Changes()
    values: dict[str, Number] = {}
    actor: str = ""


class StopTrial(_Command, frozen=True):
    """End one trial, and its run. The experiment continues."""

    number: int
    actor: str = ""


class RetryTrial(_Command, frozen=True):
    """Add a trial with the hyperparameters of one that brought no result.

    An experiment that has spent its trials continues, in the epoch after `epoch` (see `Resume`).
    """

    number: int
    hyperparameters: Assignment
    """Those of trial `number`, which never change once it has ended."""
    key: str
    parent: int | None = None
    epoch: int | None = None
    actor: str = ""


class SetNote(_Command, frozen=True):
    """Replace the note of a trial, or of the experiment; an empty one removes it."""

    note: str
    number: int | None = None
    actor: str = ""


class SetLabels(_Command, frozen=True):
    """Give an experiment labels, and remove others."""

    labels: dict[str, str] = {}
    removed: tuple[str, ...] = ()
    actor: str = ""


class SetAttributes(_Command, frozen=True):
    """A caller gives a study attributes. The same `key` does it only once."""

    attributes: dict[str, Any] = {}
    system: dict[str, Any] = {}
    key: str | None = None
    actor: str = ""


class Stall(_Command, frozen=True):
    """The attempt has printed nothing since `heard`, in seconds since the epoch.

    `decide` ends it as lost if it has not reported anything either for `stall_seconds`.
    """

    number: int
    attempt: int
    heard: float


class Pause(_Command, frozen=True):
    actor: str = ""


class Resume(_Command, frozen=True):
    """Continue after a pause or a stop.

    `epoch`, here and below, is the experiment's epoch when the caller announced the next one by a
    live marker. `decide` lets the command begin a new epoch only from that one.
    """

    epoch: int | None = None
    actor: str = ""


class Stop(_Command, frozen=True):
    actor: str = ""


class Abort(_Command, frozen=True):
    """The experiment cannot continue, for example because its algorithm raised."""

    reason: str


class Conclude(_Command, frozen=True):
    """A stopping rule ends the experiment."""

    reason: str


class Extend(_Command, frozen=True):
    changes: dict[str, Any]
    epoch: int | None = None
    actor: str = ""


class Join(_Command, frozen=True):
    """The installation brings slots of its own. Again, it only sets their number."""

    member: str
    slots: int


class Leave(_Command, frozen=True):
    """The member has let its lease expire: its slots go."""

    member: str


class Delete(_Command, frozen=True):
    epoch: int | None = None
    actor: str = ""


class Expire(_Command, frozen=True):
    """Delete the experiment if it ended in this epoch and its time to live has passed."""

    epoch: int


class Tick(_Command, frozen=True):
    """Apply the passing of time, such as the end of `max_seconds`."""


Command = (
    Submit
    | AddTrials
    | Enqueue
    | Import
    | Start
    | Ask
    | Record
    | Assign
    | Finish
    | Stall
    | CreateTrial
    | TakeTrial
    | ChangeTrial
    | EndTrial
    | StopTrial
    | RetryTrial
    | SetNote
    | SetLabels
    | SetAttributes
    | Pause
    | Resume
    | Stop
    | Abort
    | Conclude
    | Extend
    | Join
    | Leave
    | Delete
    | Expire
    | Tick
)
