"""Answer the command line's calls from a store, where no service runs.

A call that reads writes nothing. A call that changes an experiment adds to its log, as a service
would; the processes that work on the experiment see it. This one takes no trials, and only ends the
trainings in the folder beside the store that the change has stopped: there may be no such process.
"""

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from adapters.launchers.local.onlooker import Onlooker
from adapters.storage import COMMAND_SECONDS, open_store
from adapters.storage.retrying import RetryingStore
from adapters.storage.wrapper import Kind, StoreWrapper
from algorithms import load_catalog
from functions.api.documents import experiment_json
from functions.events.outbox import Nowhere
from functions.hosting.attendance import Attendance
from functions.hosting.near import Near
from functions.telemetry.log import LOGGER
from tunelet.assembly import assembled
from tunelet.client.client import Client
from tunelet.core.experiment import Experiment
from tunelet.core.installation import Installation
from tunelet.core.signal import LAUNCH, Signal
from tunelet.errors import Unavailable
from tunelet.ports import Publisher, Store
from tunelet.service import Service

T = TypeVar("T")
Json = dict[str, Any]


def opened(store_url: str, runs: Path | None, namespace: str) -> Client:
    """A client of the store. `runs` is the folder of the launcher that may have live outputs.

    Raises `Reject` if the store cannot be opened.
    """
    # Readers owe no snapshots: that none can be written is no news.
    LOGGER.setLevel(logging.ERROR)
    # But that a store has gone away is: a command waits for it.
    logging.getLogger("tunelet.client").setLevel(logging.WARNING)
    store = open_store(store_url, first=COMMAND_SECONDS)
    return Client.over(_OverStore(store, runs), namespace)


class _ReadOnly(StoreWrapper):
    def request(self, kind: Kind, send: Callable[[], T]) -> T:
        if kind in ("get", "ready"):
            return send()
        raise Unavailable("this command only reads")


class _OverStore:
    """Calls that read go to a service over a store that cannot be written."""

    def __init__(self, store: Store, runs: Path | None) -> None:
        self.url = store.url
        attendance = Attendance(store.url, runs)

        def shown(experiment: Experiment) -> Json:
            return _shown(experiment, attendance.needs(experiment))

        def begun() -> bool:
            return not isinstance(store, RetryingStore) or store.answered

        self._changed = _Changed()
        self._service = _service(store, runs, self._changed)
        self._reads = Near(_service(_ReadOnly(store), runs, Nowhere()), shown, begun)
        self._writes = Near(self._service, shown, begun)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        if method == "GET":
            return self._reads.call(method, path, body, query, headers)
        answer = self._writes.call(method, path, body, query, headers)
        while self._changed.experiments:
            self._service.stop_unwanted(*self._changed.experiments.pop())
        return answer

    def stream(
        self, path: str, query: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], Iterator[bytes]]:
        return self._reads.stream(path, query, headers)


def _shown(experiment: Experiment, needs: str | None) -> Json:
    """Return the API's JSON, and `needs`: what to start again, if no process works on it."""
    shown = experiment_json(experiment)
    if needs is None:
        return shown
    return shown | {"reason": shown["reason"] or "no process works on it", "needs": needs}


class _Changed(Nowhere):
    """Keeps the experiments of which a change may have stopped trials."""

    def __init__(self) -> None:
        self.experiments = set[tuple[str, str]]()

    def publish(self, signal: Signal) -> None:
        if signal.topic == LAUNCH:
            self.experiments.add((signal.namespace, signal.experiment))


def _service(store: Store, runs: Path | None, publisher: Publisher) -> Service:
    return assembled(
        *(store, Onlooker(runs), load_catalog(), publisher),
        secret=secrets.token_bytes(32),
        api_url="",
        installation=Installation(f"command-{secrets.token_hex(4)}", places=0),
    )
