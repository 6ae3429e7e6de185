"""The ports: the interfaces between the domain and the outside.

adapters/ and algorithms/ implement them. A contract suite in tests/contracts/ tests each adapter.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tunelet.core.problem import Demands, Problem, Suggestions
from tunelet.core.run import Launch, Life, Observation, Run
from tunelet.core.signal import Signal
from tunelet.core.trial import Trial
from tunelet.errors import FieldError

if TYPE_CHECKING:
    from tunelet.core.curves import Curves


class Stored(NamedTuple):
    """An object's bytes, and the version that `replace` expects."""

    data: bytes
    version: str


class Store(Protocol):
    """Objects by key in a bucket or a folder. Keys are relative paths with `/`.

    All methods raise `Retry` for a transient fault. After a `Retry` from a write the object may
    have been written or not, except for `Unavailable`: then it was not. A caller that has to know
    reads the key. Every read sees all writes that were acknowledged before it began.
    """

    @property
    def url(self) -> str:
        """The address of the store, without credentials or options, so that a key can follow."""

    def get(self, key: str) -> Stored | None:
        """Return the object; None if there is none."""

    def part(self, key: str, start: int, size: int) -> bytes | None:
        """Return up to `size` bytes of the object from byte `start` on.

        Empty at or beyond the object's end; None if there is no object. So objects of any size can
        be read, also those that training code has written.
        """

    def create(self, key: str, data: bytes) -> bool:
        """Write only if the key is absent. Returns False if the key existed.

        Of any number of concurrent calls for one key, exactly one writes.
        """

    def put(self, key: str, data: bytes) -> None:
        """Write whether or not the key exists."""

    def replace(self, key: str, data: bytes, version: str) -> bool:
        """Write only if the object still has this `version`. Returns False if it does not."""

    def copy(self, key: str, to: str) -> bool:
        """Copy the object at `key`, of any size, to `to`. Returns False if there is none.

        In a cloud the store itself copies, and no bytes pass through this process.
        """

    def delete(self, key: str) -> None:
        """Remove the object if it exists."""

    def ready(self) -> None:
        """Raise `Retry` with the reason if the store cannot be used now.

        It tries a write where a write costs nothing.
        """

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        """Yield the keys that begin with `prefix` and sort after `after`, in order of UTF-8 bytes.

        Yields at most `limit` keys; None: all.
        """

    def size(self, prefix: str, most: int) -> int:
        """Return the bytes of all objects with keys that begin with `prefix`.

        Stops adding at `most`. It is a listing: a request for each thousand objects in a cloud.
        """


Versions = Mapping[Run, str]
"""The states of runs. As long as a run has the same version, `observe` shows nothing new, whatever
time has passed. Empty: only `observe` shows whether there is news."""


class Launcher(Protocol):
    """Starts, observes and stops runs. Every method is idempotent and may raise `Retry`."""

    @property
    def announces_room(self) -> bool:
        """Whether an experiment that got `Throttled` gets a LAUNCH signal once there is room."""

    @property
    def in_process(self) -> bool:
        """Whether runs are calls in this process, which takes no time to launch them.

        `observe` gives the time at which such a run began. Its start is recorded with its first
        news, and not by an entry of its own.
        """

    def launch(self, launch: Launch) -> None:
        """Start the run, unless it was ever started.

        Raises `Throttled` if there is no room now; `Postponed` if the machine cannot begin the run
        now and users should see why; `Reject` if the run can never start as specified: then the
        trial fails with that reason.
        """

    def observe(self, run: Run) -> Observation:
        """Return the run's phase, and all its reports so far."""

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        """Return the experiment's runs that have not ended, of any uid."""

    def lives(self) -> Mapping[Life, Versions]:
        """Return the lives that may have active runs and certainly belong to this installation.

        Returns none if it is not certain. The versions are those of all active runs of the life.
        """

    def origin(self, run: Run) -> str | None:
        """Return the identity of the store that launched the run; None if it is not known."""

    @property
    def stop_removes_output(self) -> bool:
        """Whether `logs` has nothing more of a run after `stop`."""

    def unsaved(self, namespace: str, experiment: str) -> Sequence[Run]:
        """Return ended runs of any uid that have output, and for which `saved` was not called."""

    def saved(self, run: Run) -> None:
        """Note that the run's output is in the store, or is not to be stored."""

    def stop(self, run: Run) -> None:
        """Stop the run with all its processes. May return before they have ended."""

    def logs(self, run: Run) -> Iterator[bytes]:
        """Yield the run's output so far, in pieces. Raises `NotFound` if there is none."""

    def heard(self, run: Run) -> float | None:
        """Return when the active run last printed or began, in seconds since the epoch.

        None if it has not begun, or if that is not known.
        """

    def remove(self, namespace: str, experiment: str, uid: str) -> None:
        """Remove all traces of the ended runs of a deleted experiment."""

    def obstacle(self, code: Mapping[str, Any]) -> str | None:
        """Return why no run of this `model_training_code` can begin now; None if it may begin.

        Returns within seconds. The answer is only a hint.
        """

    def ready(self) -> None:
        """Raise `Retry` with the reason if runs cannot be started or observed now."""


RunNews = Callable[[str, str, int | None], None]
"""Takes a namespace, an experiment and the number of the trial with a run that changed.

The number is None if the run of any trial of the experiment may have changed.
"""

Room = Callable[[str, str], None]
"""Takes a namespace and an experiment that can launch a run for which there was no room."""


class Watchable(Protocol):
    """Reports changes of runs as they happen. For speed only: a sweep finds every change, later."""

    def watch(self, news: RunNews, room: Room) -> Callable[[], None]:
        """Call `news` and `room` from threads; returns a function that ends this.

        `room` is called for an experiment that met `Throttled`, if the launcher `announces_room`.
        """


class WatchableLauncher(Launcher, Watchable, Protocol):
    """A launcher for a process that serves all functions, where no event source reports runs."""


class Armed(NamedTuple):
    """What `Schedule.look` saw."""

    active: bool
    """Whether sweeps come each minute."""
    version: str
    """Another one after each arming."""
    at: float | None
    """When it was armed last, in seconds since the epoch by the clock of the process that did."""


class Schedule(Protocol):
    """Calls `sweep`: each minute while it is armed, about once an hour while it is not.

    Every method may raise `Retry`, also for a missing right or object.
    """

    def arm(self, now: float) -> None:
        """Let sweeps come each minute. Changes the version even if it is armed."""

    def look(self) -> Armed:
        """Return the present state, not an earlier one."""

    def disarm(self, seen: Armed) -> bool:
        """Let sweeps come once an hour. Returns False if it changed after it was `seen`."""


class ProcessTurns(Protocol):
    """Lets the processes that write the same log do so one after another, to save vain tries."""

    def __call__(self, path: str) -> AbstractContextManager[bool]:
        """Wait briefly for the turn at the log below `path`; enters with whether it is held."""


class Publisher(Protocol):
    """Sends signals to the functions that subscribe to them."""

    def publish(self, signal: Signal) -> None:
        """Pass the signal to the broker, which delivers it at least once or loses it."""


class Algorithm(Protocol):
    """Suggests the hyperparameters of new trials.

    A third party can implement it (examples/plugin/README.md). The service makes a new object for
    every call, in any process, so the object keeps no state: everything it may use is in its
    arguments, and the same arguments must give the same answer. Draw random numbers from
    `problem.seed` and the trial's number. A complete algorithm, random search:

        class MySearch:
            def suggest(self, problem, trials, count):
                numbers = range(problem.first, problem.first + count)
                return Suggestions(
                    [problem.space.sample(Random(f"{problem.seed}/{n}")) for n in numbers]
                )
    """

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        """Suggest hyperparameters for the `count` trials from number `problem.first` on.

        `trials` has every trial so far, sorted by number: ended ones of any state, running ones and
        waiting ones. Only a trial in the state COMPLETE has its final `values`; they map a metric
        to a float, or to "NaN", "Infinity" or "-Infinity".

        Each assignment maps a name to a value for every active hyperparameter (`Space.build` makes
        one). Return fewer than `count` assignments to wait until a further trial has ended, and
        set `exhausted` if no further assignment exists.

        If it raises, the experiment fails with the error's text as its reason.
        """


class StoppingRule(Protocol):
    """Decides from reports which running trials to stop early.

    A third party can implement it (examples/plugin/README.md). The service makes a new object for
    every call, in any process, so the object keeps no state, and the same curves must give the same
    answer. A complete rule, which stops a trial at a value of NaN:

        class StopAtNan:
            def stops(self, curves, number):
                values = curves[number].values
                return "its value is NaN" if values and isnan(values[-1]) else None

            def ends(self, curves):
                return None

    `curves[number]` is a `tunelet.core.curves.Curve`: the trial's reports of the first objective,
    sorted by step, as three arrays of equal length: `steps`, `values`, and `best`, which is the
    best value up to each step. Iterating over `curves` yields the curves of all trials. A rule that
    compares trials looks values up in an index (`Curves.index`), because it is called at every
    report. An algorithm may be a stopping rule as well (ASHA, Hyperband).

    If a method raises, the experiment fails with the error's text as its reason.
    """

    def stops(self, curves: "Curves", number: int) -> str | None:
        """Return why the running trial with this number should stop; None if it should continue.

        Called when the trial has reported, and at each sweep, possibly before its first report. The
        trial becomes PRUNED with the reason.
        """

    def ends(self, curves: "Curves") -> str | None:
        """Return why the whole experiment should end; None if it should continue.

        Called when a trial has ended, and at each sweep.
        """


class Catalog(Protocol):
    """The algorithms and stopping rules, by name."""

    def names(self) -> Sequence[str]:
        """Return all registered names, sorted."""

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """Return a JSON object per algorithm: name, summary, installed, supports, settings."""

    def problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands
    ) -> list[FieldError]:
        """Return why the algorithm cannot meet the demands with these settings; empty if it can."""

    def light(self, name: str) -> bool:
        """Whether any function may call the algorithm, because it is quick, not only suggest."""

    def inherits(self, name: str) -> bool:
        """Whether its trials may begin with checkpoints of any earlier trials."""

    def load(self, name: str, settings: Mapping[str, Any]) -> Algorithm:
        """Import the algorithm, and make an object with these settings.

        Raises `Reject` if the name is unknown, a library is missing, or a setting is wrong.
        """

    def stops(self, name: str) -> bool:
        """Whether the algorithm is a stopping rule as well."""

    def rules(self) -> Sequence[Mapping[str, Any]]:
        """Return a JSON object per stopping rule, with the members of `describe`."""

    def rule_problems(
        self, name: str, settings: Mapping[str, Any], demands: Demands, field: str
    ) -> list[FieldError]:
        """Return the faults of this stopping rule; they name the request's field `field`."""

    def rule(self, name: str, settings: Mapping[str, Any]) -> StoppingRule:
        """Import the stopping rule, and make an object with these settings. Raises like `load`."""
