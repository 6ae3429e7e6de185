"""The functions over a real service, with everything in memory and nothing patched."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request

from adapters.events.signature import Signature
from adapters.launchers.memory import MemoryLauncher
from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Outbox
from functions.identity.gate import UNGUARDED, Gate
from functions.wiring import function
from tests.faults.training import ScriptedLauncher
from tunelet import tracing
from tunelet.assembly import assembled
from tunelet.core.fingerprint import of_trial
from tunelet.core.quotas import UNLIMITED, Quotas
from tunelet.core.run import Run
from tunelet.core.signal import Signal
from tunelet.engine.tokens import Tokens
from tunelet.errors import NotFound, Retry
from tunelet.ports import Stored

SMALLEST = {
    "model_training_code": "docker_image_url",
    "hyperparameters": {
        "learning_rate": {"type": "float", "min": 0.01, "max": 0.1},
        "batch_size": {"type": "int", "min": 32, "max": 128},
    },
    "hpo_algorithm": "random_search",
}
LIMIT = 1 << 16
SECRET = b"0123456789abcdef"
SIGNATURE = Signature(SECRET)


class FragileStore(MemoryStore):
    """A store that can be made to fail."""

    fault: Exception | None = None

    def get(self, key: str) -> Stored | None:
        if self.fault is not None:
            raise self.fault
        return super().get(key)


class Broker:
    """Keeps published signals, or refuses them."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self.traced: list[str | None] = []
        """The trace in which each was published."""
        self.repeated: list[tuple[dict[str, str], bytes]] = []
        self.away = False

    def publish(self, signal: Signal) -> None:
        if self.away:
            raise Retry("the broker is away")
        self.signals.append(signal)
        self.traced.append(tracing.current())

    def repeat(self, headers: Mapping[str, str], body: bytes) -> None:
        if self.away:
            raise Retry("the broker is away")
        self.repeated.append((dict(headers), body))


class SilentLauncher(ScriptedLauncher):
    """Runs that have written nothing have no logs, as with the real ones."""

    output: list[bytes] | None = None
    """What every run has written; None: its name."""

    def logs(self, run: Run) -> Iterator[bytes]:
        if run not in self.running():
            raise NotFound(f"{run.name} has written nothing")
        yield from self.output or super().logs(run)


class World:
    """The five functions over one service."""

    def __init__(
        self,
        store: FragileStore | None = None,
        launcher: MemoryLauncher | None = None,
        quotas: Quotas = UNLIMITED,
        sweeps_abreast: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store, self.quotas = store or FragileStore(), quotas
        self.launcher = launcher or SilentLauncher()
        self.broker = Broker()
        self.outbox = Outbox(self.broker, SIGNATURE)
        self.service = assembled(
            self.store,
            self.launcher,
            load_catalog(),
            self.outbox,
            secret=SECRET,
            api_url="http://127.0.0.1:8080",
            quotas=quotas,
            sweeps_abreast=sweeps_abreast,
            clock=clock,
        )
        self.api = self.client("api")

    def restarted(self) -> "World":
        """New functions, which have nothing in memory."""
        return World(self.store, self.launcher)

    def client(self, name: str, gate: Gate = UNGUARDED) -> Client:
        """HTTP to one of the functions."""
        answer = function(name, self.service, self.outbox, LIMIT, gate)
        return Client(Request.application(answer))

    def running(self, **fields: Any) -> str:
        """Submit an experiment and start its trials; its name."""
        space = {"x": {"type": "float", "min": 0, "max": 1}}
        request = {**SMALLEST, "name": "digits", "hyperparameters": space, **fields}
        experiment = self.service.submit(request, fields.get("namespace"))
        for step in (self.service.suggest, self.service.launch):
            step(experiment.namespace, experiment.name)
        return experiment.name

    def run(self, name: str, number: int, namespace: str = "default") -> Run:
        """The first attempt of a trial."""
        uid = self.service.experiment(namespace, name).uid
        return Run(namespace, name, uid, number, 1)

    def token(self, name: str, number: int, namespace: str = "default") -> str:
        """The token that the trial's first attempt gets."""
        digest = of_trial(self.service.trial(namespace, name, number))
        return Tokens(SECRET).issue(self.run(name, number, namespace), digest)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def smallest() -> dict[str, Any]:
    return SMALLEST
