"""A whole Tunelet in one thread: trials are calls of a Python function, signals a queue.

The service, the log and the decisions are the real ones. Only the launcher is not: it calls the
objective and keeps the outcome, so that a benchmark measures only the control overhead.
"""

from collections import deque
from collections.abc import Callable

from adapters.launchers.memory import MemoryLauncher
from algorithms import load_catalog
from tunelet.assembly import assembled
from tunelet.core.experiment import Experiment
from tunelet.core.run import Launch, Observation, Phase
from tunelet.core.signal import COLLECT, LAUNCH, SUGGEST, Signal
from tunelet.core.trial import Outcome, Scalar, Verdict
from tunelet.ports import Publisher, Store

Objective = Callable[[dict[str, str]], float]
"""Takes the environment of a trial."""


class InlineLauncher(MemoryLauncher):
    """Runs a trial to its end inside `launch`, then signals that there is news."""

    def __init__(self, objective: Objective, signals: deque[Signal]) -> None:
        super().__init__()
        self._objective = objective
        self._signals = signals

    def start(self, launch: Launch) -> None:
        outcome = Outcome(Verdict.COMPLETE, {"objective": self._objective(launch.env)})
        self.observed[launch.run] = Observation(Phase.ENDED, outcome=outcome)
        news = Signal(COLLECT, launch.run.namespace, launch.run.experiment)
        if news not in self._signals:
            self._signals.append(news)


class Queue:
    """Keeps signals until they are handled, in order."""

    def __init__(self) -> None:
        self.signals: deque[Signal] = deque()

    def publish(self, signal: Signal) -> None:
        if signal not in self.signals:
            self.signals.append(signal)


class Inline:
    """One service over a store; `run` handles signals until there are none."""

    def __init__(self, store: Store, objective: Objective) -> None:
        queue = Queue()
        self._signals = queue.signals
        self.service = assembled(
            store,
            InlineLauncher(objective, queue.signals),
            load_catalog(),
            queue,
            secret=bytes(16),
            api_url="http://127.0.0.1:8080",
        )
        self._steps = {
            SUGGEST: self.service.suggest,
            LAUNCH: self.service.launch,
            COLLECT: self.service.collect,
        }

    def run(self, request: dict[str, object]) -> Experiment:
        """Submit, and handle signals until none is left; returns the experiment."""
        experiment = self.service.submit(request)
        names = experiment.namespace, experiment.name
        while self._signals:
            signal = self._signals.popleft()
            if signal.topic in self._steps:
                self._steps[signal.topic](signal.namespace, signal.experiment)
        return self.service.experiment(*names)


def request(algorithm: Scalar, trials: int, parallel: int = 1) -> dict[str, object]:
    """Return the smallest request of the documentation, with this algorithm and budget."""
    return {
        "model_training_code": "docker_image_url",
        "hyperparameters": {
            "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
            "batch_size": {"type": "int", "min": 32, "max": 128},
        },
        "hpo_algorithm": algorithm,
        "max_trials": trials,
        "parallel_trials": parallel,
        "seed": 1,
    }


_publisher: type[Publisher] = Queue
