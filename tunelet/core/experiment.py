"""The state of an experiment, folded from its log by tunelet.core.evolve.

Pure: no clock, no I/O. An `Experiment` holds only the live part. Ended trials leave it when
a window of the log closes (`retire`), so that its size depends on `parallel_trials` and not on
the number of all trials (invariant I7).
"""

from typing import Any

import msgspec
from msgspec.structs import force_setattr, replace

from tunelet.core.experiment_state import ExperimentState
from tunelet.core.members import Members
from tunelet.core.problem import Constraint, Objective
from tunelet.core.same_failure import Failures
from tunelet.core.spec import Spec
from tunelet.core.trial import (
    Trial,
    TrialState,
)
from tunelet.errors import Conflict

NOTE_EXTRA = 16
"""Bytes that a note takes in the state besides its text."""

KEYS_KEPT = 1000
"""The most idempotency keys that an experiment remembers. The oldest are dropped first."""


class Terms(msgspec.Struct, frozen=True):
    """The part of the spec that decisions need, with the spec's own names."""

    objectives: tuple[Objective, ...]
    max_trials: int
    parallel_trials: int
    max_attempts: int
    max_failed_trials: int | None = None
    give_up_after: int | None = None
    max_seconds: float | None = None
    max_cost: float | None = None
    cost_per_hour: float | None = None
    stall_seconds: float | None = None
    constraints: tuple[Constraint, ...] = ()

    @property
    def named(self) -> frozenset[str]:
        """The metrics that the objectives and constraints name."""
        objectives = (objective.metric for objective in self.objectives)
        return frozenset((*objectives, *(constraint.metric for constraint in self.constraints)))


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trials that have ended, by state."""

    complete: int = 0
    pruned: int = 0
    fail: int = 0
    stopped: int = 0
    cancelled: int | msgspec.UnsetType = msgspec.UNSET
    """Read only: older versions wrote here how many of `fail` are `stopped`."""

    def __post_init__(self) -> None:
        if self.cancelled is not msgspec.UNSET:
            force_setattr(self, "fail", self.fail - self.cancelled)
            force_setattr(self, "stopped", self.stopped + self.cancelled)
            force_setattr(self, "cancelled", msgspec.UNSET)


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One experiment. Times are seconds since the epoch."""

    namespace: str
    name: str
    uid: str
    spec: dict[str, Any]
    terms: Terms
    state: ExperimentState
    submitted_at: float
    running_since: float | None
    """When the clock of `max_seconds` was last started; None while the clock is stopped."""
    seconds: float = 0.0
    """The seconds on that clock when it was last stopped."""
    reason: str | None = None
    ended_at: float | None = None
    epoch: int = 0
    """How often it was resumed or extended after an end, or deleted."""
    next_number: int = 0
    """The next trial's number, and so the number of trials."""
    trials: dict[int, Trial] = {}
    """Live trials, and those that ended since the window began."""
    ended: Counts = Counts()
    best: tuple[Trial, ...] = ()
    """The best trial that meets the constraints; with several objectives, the Pareto front.

    It is COMPLETE, or STOPPED if the time or the money was spent (`TrialEnded.eligible`)."""
    failures: Failures = Failures()
    """Failures in a row that are alike, since the experiment began or was resumed. Only counted
    with `give_up_after`."""
    trial_seconds: float = 0.0
    """The running time of all ended attempts, in seconds."""
    exhausted: bool = False
    memory: Any = None
    keys: dict[str, tuple[int, ...]] = {}
    """The numbers of the trials that each idempotency key enqueued; none for the submit's key."""
    requests: dict[str, str] = {}
    """The fingerprint of the request, by its idempotency key."""
    by: str = ""
    """The installation that accepted the submission; empty: not known."""
    learnt: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    """See `space`. Absent from the snapshots of experiments with a declared space, so that older
    code reads those."""

    attributes: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    """Of a study: JSON that its users attached to it."""
    system: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    """Of a study: JSON that the callers' library keeps with it."""
    imported: int | msgspec.UnsetType = msgspec.UNSET
    """How many of the COMPLETE and PRUNED trials were made elsewhere; absent if none was."""
    note: str | msgspec.UnsetType = msgspec.UNSET
    """The experiment's note; absent, as `learnt`, if none was set. Empty: it was removed."""
    notes: dict[int, str] | msgspec.UnsetType = msgspec.UNSET
    """The notes that were set on trials, by number. An ended trial does not change, so they are
    here; empty: the trial's own note does not count either."""
    members: Members | msgspec.UnsetType = msgspec.UNSET
    """Absent, as `learnt`, from experiments that no installation has joined."""

    @property
    def study(self) -> dict[str, Any] | None:
        """The study that it is: then its callers make its trials, and nothing is launched."""
        found: dict[str, Any] | None = self.spec.get("study")
        return found

    @property
    def shared(self) -> Members:
        """The members; without any, all slots are those of other installations."""
        if self.members is not msgspec.UNSET:
            return self.members
        return Members(others=self.terms.parallel_trials)

    @property
    def notes_on_trials(self) -> dict[int, str]:
        return {} if self.notes is msgspec.UNSET else self.notes

    def notes_bytes(self, but: int) -> int:
        """Return about how many bytes the notes on trials take, without that on trial `but`."""
        notes = self.notes_on_trials.items()
        return sum(len(note.encode()) + NOTE_EXTRA for n, note in notes if n != but)

    def noted(self, trial: Trial) -> Trial:
        """Return the trial with the note that was set on it, if any was."""
        note = self.notes_on_trials.get(trial.number)
        return trial if note is None else replace(trial, user_note=note or None)

    @property
    def typed_spec(self) -> Spec:
        return Spec(self.spec)

    @property
    def space(self) -> dict[str, Any]:
        """The forms of the hyperparameters by name: declared, or chosen by the trials so far."""
        if self.learnt is not msgspec.UNSET:
            return self.learnt
        declared: dict[str, Any] = self.spec.get("hyperparameters", {})
        return declared

    @property
    def seed(self) -> int:
        """The seed of the algorithm: the spec's, else one that follows from the uid."""
        seed = self.typed_spec.seed
        return int(self.uid[:8], 16) if seed is None else int(seed)

    @property
    def for_workers(self) -> bool:
        """Whether workers ask for the trials, so that nothing is launched for them."""
        return bool(self.spec.get("model_training_code", {}).get("workers"))

    @property
    def over(self) -> bool:
        return self.state.over

    @property
    def live(self) -> list[Trial]:
        """Trials that have not ended, by number."""
        left = [trial for trial in self.trials.values() if trial.finished_at is None]
        return sorted(left, key=lambda trial: trial.number)

    @property
    def active(self) -> int:
        """How many slots of `parallel_trials` are taken."""
        return sum(trial.active for trial in self.trials.values())

    @property
    def hopeless(self) -> bool:
        """Whether enough trials failed alike, before any completed, that no new one may begin."""
        results = self.ended.complete + self.ended.pruned - (self.imported or 0)
        better = results or any(not trial.imported for trial in self.best)
        return not better and self.failures.reach(self.terms.give_up_after)

    @property
    def room(self) -> int:
        """How many trials an algorithm may suggest now."""
        return self._within_budget(self.terms.parallel_trials - len(self.live))

    @property
    def room_ahead(self) -> int:
        """How many trials may be added to those that wait without a slot: as many as slots."""
        waiting = len(self.live) - self.active
        return self._within_budget(self.terms.parallel_trials - waiting)

    def _within_budget(self, count: int) -> int:
        if self.state is not ExperimentState.RUNNING or self.exhausted or self.hopeless:
            return 0
        if self.study is not None:
            return 0
        return max(0, min(count, self.terms.max_trials - self.next_number))

    @property
    def due(self) -> int | None:
        """When it is due for deletion, in milliseconds since 1970; None: never by itself."""
        kept = self.typed_spec.kept_seconds
        if kept is None or self.ended_at is None or self.state is ExperimentState.DELETED:
            return None
        return int((self.ended_at + kept) * 1000)

    @property
    def counts(self) -> dict[str, int]:
        """The number of trials in each state, by the API's names."""
        live = [trial.state for trial in self.live]
        return {
            "waiting": live.count(TrialState.WAITING),
            "running": live.count(TrialState.RUNNING),
            "complete": self.ended.complete,
            "pruned": self.ended.pruned,
            "failed": self.ended.fail,
            "stopped": self.ended.stopped,
        }

    def left(self, installation: str) -> int:
        """Return how many slots are left of those that this installation may take.

        Without members it may take all.
        """
        if not self.shared.slots:
            return self.terms.parallel_trials
        owners = [trial.by for trial in self.trials.values() if trial.active]
        return self.shared.left(installation, owners)

    def answered(self, key: str | None, fingerprint: str) -> bool:
        """Whether the request with this idempotency key is in the log already.

        Raises `Conflict` if the key is in the log with another request's fingerprint.
        """
        if key is None or key not in self.keys:
            return False
        if self.requests.get(key) != fingerprint:
            raise Conflict(f"the Idempotency-Key {key!r} was used for another request")
        return True

    def elapsed(self, now: float) -> float:
        """Return the seconds on the clock of `max_seconds`."""
        return self.seconds + (now - self.running_since if self.running_since is not None else 0.0)

    def cost(self, now: float) -> float:
        """Return the cost of all trials so far, in units of `cost_per_hour`."""
        running = sum(now - t.started_at for t in self.live if t.started_at is not None)
        return (self.trial_seconds + running) / 3600 * (self.terms.cost_per_hour or 0.0)


def unreadable(namespace: str, name: str, reason: str) -> Experiment:
    """Make a placeholder for an experiment with an unreadable log, for use in listings."""
    code = {"image": "unknown", "command": [], "args": [], "env": {}, "resources": {}}
    return Experiment(
        namespace=namespace,
        name=name,
        uid="",
        spec={
            "name": name,
            "namespace": namespace,
            "model_training_code": code,
            "hyperparameters": {},
            "hpo_algorithm": {"name": "unknown", "settings": {}},
            "objectives": [],
            "max_trials": 0,
            "parallel_trials": 0,
        },
        terms=Terms(objectives=(), max_trials=0, parallel_trials=0, max_attempts=0),
        state=ExperimentState.DAMAGED,
        submitted_at=0.0,
        running_since=None,
        reason=reason,
    )
