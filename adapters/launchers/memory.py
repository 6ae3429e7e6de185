"""A launcher that keeps runs in memory and starts nothing: the base for tests and benchmarks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tunelet.core.run import Launch, Life, Observation, Phase, Run, by_life
from tunelet.errors import NotFound
from tunelet.ports import Launcher, Versions


class MemoryLauncher:
    """Keeps an observation of each run in `observed`, which a subclass may change.

    `launch` calls `start` once for each run. `start` may put an end into `observed` at once.
    """

    announces_room = False
    in_process = False

    def __init__(self) -> None:
        self.observed: dict[Run, Observation] = {}

    def start(self, launch: Launch) -> None:
        """Start the run. This base class starts nothing."""

    def running(self) -> list[Run]:
        return [run for run, seen in self.observed.items() if seen.phase is Phase.ACTIVE]

    def launch(self, launch: Launch) -> None:
        if launch.run not in self.observed:
            self.observed[launch.run] = Observation(Phase.ACTIVE, digest=launch.digest)
            self.start(launch)

    def observe(self, run: Run) -> Observation:
        return self.observed.get(run, Observation(Phase.ABSENT))

    def active(self, namespace: str, experiment: str) -> Sequence[Run]:
        return [r for r in self.running() if (r.namespace, r.experiment) == (namespace, experiment)]

    def lives(self) -> Mapping[Life, Versions]:
        return by_life(dict.fromkeys(self.running(), ""))

    def origin(self, run: Run) -> str | None:
        return None

    @property
    def stop_removes_output(self) -> bool:
        return False

    def unsaved(self, namespace: str, experiment: str) -> Sequence[Run]:
        """None: every run is gone with this process."""
        return ()

    def saved(self, run: Run) -> None:
        """Nothing is noted."""

    def stop(self, run: Run) -> None:
        """Do nothing: nothing runs."""

    def logs(self, run: Run) -> Iterator[bytes]:
        raise NotFound(f"{run.name} has no output")

    def heard(self, run: Run) -> float | None:
        return None

    def remove(self, namespace: str, experiment: str, uid: str) -> None:
        for run in [run for run in self.observed if run[:3] == (namespace, experiment, uid)]:
            del self.observed[run]

    def obstacle(self, code: Mapping[str, Any]) -> str | None:
        return None

    def ready(self) -> None:
        """Do nothing: the launcher is always ready."""


if TYPE_CHECKING:
    _: type[Launcher] = MemoryLauncher
