"""The functions as they run on Knative: a process each, and a broker between them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import urllib3
from urllib3.util import Retry

from adapters.events.broker import Broker, Delivered, Target
from adapters.events.triggers import load_delivery, load_triggers
from benchmarks.harness.process import free_port
from functions.wiring import FUNCTIONS
from tunelet.client import Client

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "functions" / "main.py"
POOL = urllib3.PoolManager()

Route = Callable[[Mapping[str, str], bytes], None]


class Functions:
    """Functions-framework processes with these settings, which post to a broker of the test.

    `host` is where they listen; `own` are further settings by function. What they post goes
    through `way`, which is given the broker's own.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        *,
        host: str = "127.0.0.1",
        own: Mapping[str, Mapping[str, str]] | None = None,
        way: Callable[[Route], Route] = lambda route: route,
    ) -> None:
        self.host = host
        self.ports = {name: free_port(host) for name in FUNCTIONS}
        targets = {name: self._over_http(name) for name in FUNCTIONS if name != "api"}
        manifests = ROOT / "infra" / "knative" / "base"
        delivery = load_delivery(manifests)._asdict()
        self.broker = Broker(load_triggers(manifests), targets, **delivery)
        self.route = way(self.broker.route)
        self.seen: list[tuple[dict[str, str], bytes]] = []
        """What the functions have posted."""
        self.sink = ThreadingHTTPServer(("127.0.0.1", 0), _sink_of(self._noted))
        Thread(target=self.sink.serve_forever, daemon=True).start()
        known = {
            "TUNELET_API_URL": f"http://{host}:{self.ports['api']}",
            "K_SINK": f"http://127.0.0.1:{self.sink.server_port}/",
            **settings,
        }
        self.log = folder / "log"
        self.processes = [
            self._start(name, {**known, **(own or {}).get(name, {})}, folder) for name in FUNCTIONS
        ]
        self.client = Client(known["TUNELET_API_URL"])

    def _start(self, name: str, settings: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
        framework = str(Path(sys.executable).with_name("functions-framework"))
        command = [framework, f"--target={name}", f"--source={SOURCE}", f"--host={self.host}"]
        command += ["--port", str(self.ports[name])]
        bare = {k: v for k, v in os.environ.items() if not k.startswith(("TUNELET_", "PYTHONPATH"))}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                # Elsewhere, for the source must find its own packages.
                cwd=folder,
                env=bare | settings,
                stdout=log,
                stderr=log,
            )

    def wait(self, name: str) -> None:
        """Until the function is of use, as a probe finds it."""
        url = f"http://{self.host}:{self.ports[name]}/api/ready"
        deadline = time.monotonic() + 60
        while POOL.request("GET", url, retries=Retry(connect=20, backoff_factor=0.1)).status != 200:
            assert time.monotonic() < deadline, self.log.read_text()

    def _noted(self, headers: Mapping[str, str], body: bytes) -> None:
        self.seen.append(({name.lower(): value for name, value in headers.items()}, body))
        self.route(headers, body)

    def post(self, name: str, headers: dict[str, str], body: bytes) -> Delivered:
        """Call a function past the broker."""
        return self._over_http(name)(headers, body)

    def sweep(self) -> int:
        """Send the event of a schedule; returns the status of the answer."""
        event = {
            "ce-specversion": "1.0",
            "ce-id": "1",
            "ce-source": "/schedule",
            "ce-type": "dev.knative.sources.ping",
        }
        return self._over_http("sweep")(event, b"").status

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)
        self.sink.shutdown()
        self.sink.server_close()
        self.broker.close()

    def _over_http(self, name: str) -> Target:
        url = f"http://{self.host}:{self.ports[name]}/"

        def deliver(headers: Mapping[str, str], body: bytes) -> Delivered:
            try:
                answer = POOL.request("POST", url, body=body, headers=headers, retries=False)
            except urllib3.exceptions.HTTPError as fault:
                raise OSError(str(fault)) from fault
            return Delivered(answer.status, dict(answer.headers), answer.data)

        return deliver


def over_folder(folder: Path, train: str) -> Functions:
    """The functions over files and processes; the image `trainer` is this shell script."""
    script = folder / "train.sh"
    script.write_text(train)
    settings = {
        "TUNELET_STORE": (folder / "store").as_uri(),
        "TUNELET_LAUNCHER": (folder / "runs").as_uri().replace("file:", "process:"),
        "TUNELET_SECRET": "a secret of the test",
        "TUNELET_ALIASES": json.dumps({"trainer": f"sh {script}"}),
    }
    return Functions(folder, settings)


def _sink_of(route: Route) -> type[BaseHTTPRequestHandler]:
    class Sink(BaseHTTPRequestHandler):
        """The broker's door: takes an event and answers 202."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            route(dict(self.headers), body)
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """A test has no use for an access log."""

    return Sink
