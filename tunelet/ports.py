"""The ports: what the domain asks of the world. Adapters stand in adapters/ and algorithms/."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tunelet.core.problem import Demands, Problem, Suggestions
from tunelet.core.run import Launch, Life, Observation, Run
from tunelet.core.signal import Signal
from tunelet.core.trial import Trial
from tunelet.errors import FieldError

if TYPE_CHECKING:
    from tunelet.core.curves import Curves


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


class Publisher(Protocol):
    def publish(self, signal: Signal) -> None:
        """Hand the signal to the broker, which delivers it at least once or loses it."""


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
