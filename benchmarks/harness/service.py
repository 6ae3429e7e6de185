"""`tunelet up` over a folder with a delay, in its own process, which counts its requests.

`python -m benchmarks.harness.service FOLDER SECONDS` composes the parts as `functions.hosting.up`
does. Its first line is its address, and its last line the requests to the store, by kind.
"""

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from adapters.storage import open_store
from benchmarks.harness.counting import Counting
from benchmarks.harness.delay import SECONDS, DelayedStore
from functions import wiring
from functions.hosting import server
from functions.hosting.all_in_one import whole
from functions.hosting.data_folder import local, runs_in
from functions.hosting.ending import ended_by_signals
from functions.hosting.host_check import guarded
from functions.hosting.sweeping import LEASE_SECONDS, swept
from functions.settings import Settings
from functions.telemetry.metrics import MeteredStore

HOST = "127.0.0.1"


class Running:
    """A service in another process; `end` ends it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid
        self.url = self._line()

    def end(self) -> dict[str, int]:
        """End the process; returns its requests to the store, by kind."""
        self._process.terminate()
        calls: dict[str, int] = json.loads(self._line())
        self._process.wait()
        return calls

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            sys.exit(f"the service ended with status {self._process.wait()} instead of an answer")
        return line


@contextmanager
def up(folder: Path, seconds: float = SECONDS) -> Iterator[Running]:
    """Serve from the folder as long as the block lasts, or until it ends the service."""
    command = [sys.executable, "-m", "benchmarks.harness.service", str(folder), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Running(process)
        finally:
            process.terminate()


def store_of(folder: Path) -> str:
    """Return the URL of the store of a service over the folder."""
    return (folder / "store").resolve().as_uri()


def _serve(folder: Path, seconds: float) -> None:
    store = Counting(DelayedStore(open_store(store_of(folder)), seconds))
    with ExitStack() as stack:
        ending = stack.enter_context(ended_by_signals())
        bound = stack.enter_context(socket.create_server((HOST, 0)))
        ending.closes(bound)
        url = f"http://{HOST}:{bound.getsockname()[1]}"
        settings = Settings(
            store=store.url,
            secret=secrets.token_bytes(16),
            launcher=runs_in(folder.resolve()),
            api_url=url,
            lease_seconds=LEASE_SECONDS,
        )
        metered, installation = MeteredStore(store), wiring.installation(settings)
        served = stack.enter_context(whole(settings, metered, local(settings), installation))
        stack.enter_context(swept(served.service, LEASE_SECONDS))
        print(url, flush=True)
        try:
            server.run(bound, guarded(served.api, HOST, ()), settings.max_body_bytes)
        finally:
            print(json.dumps(store.calls), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), float(sys.argv[2]))
