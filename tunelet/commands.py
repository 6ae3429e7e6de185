"""What may be asked of an experiment. `decide` turns a command into events.

Every command is idempotent through a natural key, so that it may be sent again after
any doubt: (trial, attempt, step) for reports, (trial, attempt) for starts and ends, the
number of the first trial for suggestions, the caller's key for submit and enqueue.
"""

from typing import Any, NamedTuple

from tunelet.trial import Assignment, Outcome, Report


class Submit(NamedTuple):
    uid: str
    spec: dict[str, Any]
    key: str | None = None


class AddTrials(NamedTuple):
    """An algorithm's answer. Void if a trial `first` exists meanwhile: the past has changed."""

    first: int
    assignments: tuple[Assignment, ...]
    exhausted: bool = False
    memory: Any = None


class Enqueue(NamedTuple):
    assignments: tuple[Assignment, ...]
    key: str | None = None


class Start(NamedTuple):
    """The launcher has the run."""

    number: int
    attempt: int


class Record(NamedTuple):
    number: int
    attempt: int
    reports: tuple[Report, ...]


class Finish(NamedTuple):
    number: int
    attempt: int
    outcome: Outcome
    reports: tuple[Report, ...] = ()


class Pause(NamedTuple):
    pass


class Resume(NamedTuple):
    pass


class Stop(NamedTuple):
    pass


class Abort(NamedTuple):
    """The experiment cannot go on; its algorithm raised, say."""

    reason: str


class Extend(NamedTuple):
    changes: dict[str, Any]


class Delete(NamedTuple):
    pass


class Tick(NamedTuple):
    """Time has passed."""


Command = (
    Submit
    | AddTrials
    | Enqueue
    | Start
    | Record
    | Finish
    | Pause
    | Resume
    | Stop
    | Abort
    | Extend
    | Delete
    | Tick
)
