"""A launcher in memory, and the training code that it runs; both are deterministic.

What an attempt does follows from its trial's number and its own, so that any two
experiments with the same hyperparameters must end alike, whatever goes wrong between.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from adapters.launchers.memory import MemoryLauncher
from tunelet.core.run import Launch, Observation, Phase, Run
from tunelet.core.trial import Number, Outcome, Report, Verdict
from tunelet.errors import Retry


class Script(NamedTuple):
    """The script of an attempt: it reports `steps`, one per tick, and ends with the last."""

    steps: tuple[int, ...]
    verdict: Verdict | None
    """None: it vanishes without a trace."""
    pushes: bool = False
    """Tells its reports and its outcome itself, too."""


TRAINS = Script((1, 2, 3), Verdict.COMPLETE)
SCRIPTS = {
    (1, 1): Script((1,), Verdict.LOST),
    (1, 2): Script((2, 3), Verdict.COMPLETE),
    (2, 1): Script((), None),
    (3, 1): Script((1,), Verdict.FAIL),
    (4, 1): Script((1, 2, 3), Verdict.COMPLETE, pushes=True),
}
"""By trial and attempt; all others train."""

EXPECTED_STARTS = {(0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1)}
"""The attempts that five trials need."""


def script(number: int, attempt: int) -> Script:
    return SCRIPTS.get((number, attempt), TRAINS)


def loss(hyperparameters: dict[str, float]) -> float:
    return float((hyperparameters["x"] - 0.3) ** 2)


def place(launch: Launch) -> str:
    """The prefix in the store at which the training code keeps its checkpoint."""
    return "v1/" + launch.env["TUNELET_CHECKPOINT_URL"].partition("/v1/")[2]


class _Process:
    def __init__(self, launch: Launch) -> None:
        self.run = launch.run
        self.store = launch.store or None
        self.script = script(launch.run.number, launch.run.attempt)
        self.loss = loss(json.loads(launch.env["TUNELET_HYPERPARAMETERS"]))
        self.age = 0
        self.stopped = False

    @property
    def ended(self) -> bool:
        return self.stopped or self.age >= max(1, len(self.script.steps))

    @property
    def reports(self) -> tuple[Report, ...]:
        return tuple(
            Report(step, {"objective": self.loss + 1 / step}, self.run.attempt)
            for step in self.script.steps[: self.age]
        )

    @property
    def outcome(self) -> Outcome | None:
        verdict = self.script.verdict
        if not self.ended or verdict is None:
            return None
        if self.stopped:
            return Outcome(Verdict.LOST, reason="stopped")
        values: dict[str, Number] = {"objective": self.loss} if verdict is Verdict.COMPLETE else {}
        return Outcome(verdict, values, reason=f"scripted {verdict}")


class ScriptedLauncher(MemoryLauncher):
    """Starts each run at most once, because it keeps them by name; `name_of` can break that."""

    def __init__(self, name_of: Callable[[Run], str] = lambda run: run.name) -> None:
        super().__init__()
        self.starts: Counter[tuple[int, int]] = Counter()
        """How often each attempt of each trial was really started."""
        self.most_active = 0
        self.launches: list[Launch] = []
        self.away = False
        self._name_of = name_of
        self._saved: set[Run] = set()
        self._processes: dict[str, _Process] = {}

    def launch(self, launch: Launch) -> None:
        name = self._name_of(launch.run)
        if name in self._processes:
            return
        self._processes[name] = _Process(launch)
        self.launches.append(launch)
        self.starts[launch.run.number, launch.run.attempt] += 1
        self.most_active = max(self.most_active, len(self.running()))

    def observe(self, run: Run) -> Observation:
        for process in self._processes.values():
            if process.run == run:
                return _seen(process)
        return Observation(Phase.ABSENT)

    def origin(self, run: Run) -> str | None:
        return next((p.store for p in self._processes.values() if p.run == run), None)

    def stop(self, run: Run) -> None:
        for process in self._processes.values():
            if process.run == run and not process.ended:
                process.stopped = True

    def unsaved(self, namespace: str, experiment: str) -> Sequence[Run]:
        ended = [process.run for process in self._processes.values() if process.ended]
        found = [run for run in ended if run not in self._saved]
        return [run for run in found if (run.namespace, run.experiment) == (namespace, experiment)]

    def saved(self, run: Run) -> None:
        self._saved.add(run)

    def logs(self, run: Run) -> Iterator[bytes]:
        return iter([f"trial {run.number}, attempt {run.attempt}\n".encode()])

    def remove(self, namespace: str, experiment: str, uid: str) -> None:
        for name, process in list(self._processes.items()):
            at = process.run[:3]
            if process.ended and at == (namespace, experiment, uid):
                del self._processes[name]

    def ready(self) -> None:
        if self.away:
            raise Retry("the cluster is away")

    def running(self) -> list[Run]:
        return [process.run for process in self._processes.values() if not process.ended]

    def tick(self) -> list[tuple[Run, Observation]]:
        """Let every run do its next step; returns each run's observation."""
        moving = [process for process in self._processes.values() if not process.ended]
        for process in moving:
            process.age += 1
        return [(process.run, _seen(process)) for process in moving]


def _seen(process: _Process) -> Observation:
    if not process.ended:
        return Observation(Phase.ACTIVE, process.reports)
    if process.outcome is None:
        return Observation(Phase.ABSENT)
    return Observation(Phase.ENDED, process.reports, process.outcome)
