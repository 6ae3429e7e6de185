"""The ports: what the domain asks of the world. Adapters stand in adapters/ and algorithms/."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from tunelet.errors import FieldError
from tunelet.trial import Assignment, Number, Outcome, Report, Trial, number

if TYPE_CHECKING:
    from tunelet.curves import Curves
    from tunelet.space import Space


class Stored(NamedTuple):
    """An object's bytes and the token that `replace` wants back."""

    data: bytes
    version: str


class Store(Protocol):
    """Objects by key in a bucket or a folder. Keys are relative paths with `/`.

    All methods raise `Retry` for a passing fault. After a `Retry` from a write it is not
    known whether the write stands, unless it is an `Unavailable`; whoever cares reads the key.
    All reads see all writes acknowledged before they began.
    """

    url: str

    def get(self, key: str) -> Stored | None:
        """The object, or None where there is none."""

    def create(self, key: str, data: bytes) -> bool:
        """Write only if the key is absent. True: written. False: the key existed.

        Of any number of concurrent calls for one key exactly one writes.
        """

    def put(self, key: str, data: bytes) -> None:
        """Write whether or not the key exists."""

    def replace(self, key: str, data: bytes, version: str) -> bool:
        """Write only if the object's version is still `version`; False if it is not."""

    def copy(self, key: str, to: str) -> bool:
        """Write to `to` what stands at `key`, of any size; False if nothing does.

        On a cloud the store copies, and nothing passes through this process.
        """

    def delete(self, key: str) -> None:
        """Remove the object if it exists."""

    def ready(self) -> None:
        """Raise `Retry`, saying why, if the store cannot be used now.

        Where a write costs nothing, one is tried.
        """

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        """Keys that begin with `prefix` and sort after `after`, by their UTF-8 bytes."""


class Run(NamedTuple):
    """One attempt of one trial: what a launcher starts at most once."""

    namespace: str
    experiment: str
    uid: str
    """Tells an experiment from an earlier one of the same name."""
    number: int
    attempt: int

    @property
    def name(self) -> str:
        """The deterministic name of its Job, at most 63 characters."""
        return f"{self.experiment}-{self.uid[:6]}-{self.number}-{self.attempt}"


class Life(NamedTuple):
    """An experiment from its submission to its deletion."""

    namespace: str
    experiment: str
    uid: str


class Launch(msgspec.Struct, frozen=True):
    """All that a launcher needs to start a run (the training contract, resolved)."""

    run: Run
    code: dict[str, Any]
    """`model_training_code` of the spec: {"image", "resources", …} or {"manifest": …}."""
    command: tuple[str, ...]
    """Replaces the image's entrypoint; empty: keep it."""
    args: tuple[str, ...]
    env: dict[str, str]
    metrics: dict[str, Any]
    """The spec's `metrics`: where and how the launcher finds values in the output."""
    timeout: float | None = None
    """Seconds after which the run is to be ended as a failure."""
    store: str = ""
    """The identity of the store that launches it, for `Launcher.origin`."""


class Phase(StrEnum):
    ABSENT = "ABSENT"
    """Nothing of that name was ever started here, or nothing of it is left."""
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class Observation(msgspec.Struct, frozen=True):
    """What a launcher sees of a run now. `outcome` is set if and only if it has ended."""

    phase: Phase
    reports: tuple[Report, ...] = ()
    outcome: Outcome | None = None
    waiting: str | None = None
    """What keeps an active run from beginning, or from ending, if that can be seen."""
    removed: bool = False
    """It was launched, and somebody has begun to remove it since."""


class Launcher(Protocol):
    """Starts, watches and ends runs. Every method is idempotent and may raise `Retry`."""

    @property
    def announces_room(self) -> bool:
        """Whether an experiment that met `Throttled` gets a LAUNCH signal when there is room."""

    def launch(self, launch: Launch) -> None:
        """Start the run unless it was ever started; `Throttled` if there is no room now.

        Raises `Postponed` if the machine cannot begin it now and users are to see why, and
        `Reject` if it can never start as specified; the trial then fails with that reason.
        """

    def observe(self, run: Run) -> Observation:
        """The run's phase, with all its reports so far."""

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        """The experiment's runs that have not ended, of any uid."""

    def lives(self) -> Collection[Life]:
        """All that may have active runs and are surely this installation's; none if unsure."""

    def origin(self, run: Run) -> str | None:
        """The identity of the store that launched the run; None if that is not known."""

    def stop(self, run: Run) -> None:
        """End the run, with all its processes. Returns before it is gone."""

    def logs(self, run: Run) -> Iterator[bytes]:
        """The run's output so far; raises `NotFound` if there is none."""

    def remove(self, namespace: str, experiment: str, uid: str) -> None:
        """Forget the ended runs of an experiment that was deleted."""

    def obstacle(self, code: Mapping[str, Any]) -> str | None:
        """Why no run of this `model_training_code` can begin now; None if nothing is known of it.

        Answers within seconds, and is no more than a hint.
        """

    def ready(self) -> None:
        """Raise `Retry`, saying why, if no run could be started or seen now."""


class Signal(NamedTuple):
    """An event that says "look at this experiment" and carries no truth.

    `topic` is one of SUGGEST, LAUNCH, COLLECT, FINISHED below.
    """

    topic: str
    namespace: str
    experiment: str
    number: int | None = None
    """Of the one trial that has news; None: it may be any."""


SUGGEST = "suggest"
"""There is room for trials."""
LAUNCH = "launch"
"""The runs do not match the state: some are to be started or stopped."""
COLLECT = "collect"
"""A run has news: reports or an end."""
FINISHED = "finished"
"""The experiment ended. Nothing in the service waits for it; users may."""


class Publisher(Protocol):
    def publish(self, signal: Signal) -> None:
        """Hand the signal to the broker, which delivers it at least once or loses it."""


class Objective(msgspec.Struct, frozen=True):
    """A metric to be minimized or maximized."""

    metric: str
    direction: str
    """"minimize" or "maximize"."""
    goal: float | None = None

    @property
    def sign(self) -> int:
        """A value times this is a loss: the less, the better."""
        return 1 if self.direction == "minimize" else -1

    def loss(self, values: Mapping[str, Number]) -> float:
        """The metric's value as what is to be minimized; NaN if `values` lack it."""
        return self.sign * number(values.get(self.metric, "NaN"))

    def better(self, a: float, b: float) -> bool:
        return a < b if self.direction == "minimize" else a > b


class Constraint(msgspec.Struct, frozen=True):
    """A metric's last value is to be at least `min` and at most `max`."""

    metric: str
    min: float | None = None
    max: float | None = None

    def violation(self, value: float) -> float:
        """By how much the value misses the range; 0 or less: it does not. NaN misses it."""
        if math.isnan(value):
            return math.inf
        below = -math.inf if self.min is None else self.min - value
        above = -math.inf if self.max is None else value - self.max
        return max(below, above)


class Problem(NamedTuple):
    """What an algorithm is to optimize."""

    space: "Space"
    objectives: tuple[Objective, ...]
    seed: int
    first: int
    """The number that the first suggested trial will have."""
    memory: Any = None
    """What the algorithm returned last as `Suggestions.memory`: JSON."""
    constraints: tuple[Constraint, ...] = ()
    prior: Sequence[Trial] = ()
    """Ended trials of other experiments to learn from; their numbers are those experiments'."""
    parallel: int = 1
    """`parallel_trials` of the experiment."""
    budget: int | None = None
    """`max_trials` of the experiment."""


class Suggestions(NamedTuple):
    assignments: Sequence[Assignment]
    """At most as many as asked for; fewer only if `exhausted` or if it must wait for results."""
    exhausted: bool = False
    """The space has nothing more to offer."""
    memory: Any = None
    """JSON that the log is to keep for the next call; each answer writes it anew: keep it small."""
    notes: Sequence[Any] = ()
    """Per assignment, JSON that the log is to keep with the trial (`Trial.note`), or None."""
    parents: Sequence[int | None] = ()
    """Per assignment, the trial with whose checkpoint the new one is to begin, or None."""


class Algorithm(Protocol):
    """Rebuilt on every call; all it knows of the past is in its arguments.

    The same arguments must give the same answer.
    """

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        """Suggest `count` assignments for trials `problem.first` and on.

        `trials` are all trials so far in order of number, with those that wait or run.
        """


class StoppingRule(Protocol):
    """Decides from reports which trials are not worth going on with. Pure.

    An algorithm may be one as well (ASHA, Hyperband).
    """

    def stops(self, curves: "Curves", number: int) -> str | None:
        """Why the trial of this number is to stop; None if it is to go on."""

    def ends(self, curves: "Curves") -> str | None:
        """Why the whole experiment is to end; None if it is to go on."""


class Demands(NamedTuple):
    """What a request asks of its algorithm and its stopping rules."""

    space: "Space | None" = None
    """None if it could not be read."""
    objectives: int = 1
    constraints: int = 0
    parallel: int = 1


class Catalog(Protocol):
    """The algorithms that are installed, by name."""

    def names(self) -> Sequence[str]:
        """All registered names, sorted."""

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """A JSON object per algorithm: name, summary, installed, supports, settings."""

    def problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands
    ) -> list[FieldError]:
        """What is wrong with asking this algorithm for this; empty if nothing."""

    def light(self, name: str) -> bool:
        """Cheap enough to be asked where a trial ends, not only in the suggest function."""

    def load(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        """Import and make the algorithm."""

    def stops(self, name: str) -> bool:
        """Whether the algorithm is a stopping rule as well."""

    def rules(self) -> Sequence[Mapping[str, Any]]:
        """A JSON object per stopping rule, as `describe` has them."""

    def rule_problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands, field: str
    ) -> list[FieldError]:
        """What is wrong with this stopping rule, which stands in the request as `field`."""

    def rule(self, name: str, settings: Mapping[str, Any]) -> StoppingRule:
        """Import and make the stopping rule."""
