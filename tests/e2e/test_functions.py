"""The functions as separate processes, as on a cluster, with a broker between them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import urllib3
from urllib3.util import Retry

from adapters.broker import Answer, Broker, Target
from adapters.triggers import load_triggers
from tunelet.client import Client

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "functions" / "main.py"
TARGETS = ("api", "suggest", "launch", "complete", "sweep", "deadletter")
TRAIN = 'echo "step=1 objective=0.5"; echo "objective=$TUNELET_TRIAL.5"'
POOL = urllib3.PoolManager()


class Functions:
    """Functions-framework processes over one folder, and a broker that they post to."""

    def __init__(self, folder: Path) -> None:
        self.ports = dict(zip(TARGETS, _free_ports(len(TARGETS)), strict=True))
        targets = {name: _over_http(port) for name, port in self.ports.items() if name != "api"}
        triggers = load_triggers(ROOT / "infra" / "knative" / "base")
        self.broker = Broker(triggers, targets, sink="deadletter")
        self.sink = ThreadingHTTPServer(("127.0.0.1", 0), _sink_of(self.broker))
        Thread(target=self.sink.serve_forever, daemon=True).start()
        script = folder / "train.sh"
        script.write_text(TRAIN)
        settings = {
            "TUNELET_STORE": (folder / "store").as_uri(),
            "TUNELET_LAUNCHER": (folder / "runs").as_uri().replace("file:", "process:"),
            "TUNELET_SECRET": "a secret of the test",
            "TUNELET_ALIASES": json.dumps({"trainer": f"sh {script}"}),
            "TUNELET_API_URL": f"http://127.0.0.1:{self.ports['api']}",
            "K_SINK": f"http://127.0.0.1:{self.sink.server_port}/",
        }
        self.log = folder / "log"
        self.processes = [self._start(name, settings, folder) for name in TARGETS]
        self.client = Client(settings["TUNELET_API_URL"])

    def _start(self, name: str, settings: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
        framework = str(Path(sys.executable).with_name("functions-framework"))
        command = [framework, f"--target={name}", f"--source={SOURCE}", "--host=127.0.0.1"]
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
        url = f"http://127.0.0.1:{self.ports[name]}/api/ready"
        deadline = time.monotonic() + 60
        while POOL.request("GET", url, retries=Retry(connect=20, backoff_factor=0.1)).status != 200:
            assert time.monotonic() < deadline, self.log.read_text()

    def sweep(self) -> int:
        """What a schedule sends; the status of the answer."""
        event = {
            "ce-specversion": "1.0",
            "ce-id": "1",
            "ce-source": "/schedule",
            "ce-type": "dev.knative.sources.ping",
        }
        return _over_http(self.ports["sweep"])(event, b"").status

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)
        self.sink.shutdown()
        self.sink.server_close()
        self.broker.close()


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _over_http(port: int) -> Target:
    def deliver(headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            answer = POOL.request(
                "POST", f"http://127.0.0.1:{port}/", body=body, headers=headers, retries=False
            )
        except urllib3.exceptions.HTTPError as fault:
            raise OSError(str(fault)) from fault
        return Answer(answer.status, dict(answer.headers), answer.data)

    return deliver


def _sink_of(broker: Broker) -> type[BaseHTTPRequestHandler]:
    class Sink(BaseHTTPRequestHandler):
        """The broker's door: takes an event and answers 202."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            broker.route(dict(self.headers), body)
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """A test has no use for an access log."""

    return Sink


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    started = Functions(tmp_path)
    yield started
    started.close()


def request(**fields: Any) -> dict[str, Any]:
    return {
        "name": "spread",
        "model_training_code": "trainer",
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "max_trials": 4,
        "parallel_trials": 2,
        **fields,
    }


def test_a_process_for_each_function_and_a_folder_run_an_experiment(
    functions: Functions,
) -> None:
    functions.client.submit(request())
    deadline = time.monotonic() + 60
    while not (now := functions.client.experiment("spread")).ended:
        assert time.monotonic() < deadline, functions.log.read_text()
        # The schedule: nothing else here would notice the end of a process.
        assert functions.sweep() == 204
        time.sleep(0.2)
    assert now.state == "COMPLETE", functions.log.read_text()
    trials = now.trials
    assert [(t["number"], t["state"]) for t in trials] == [(n, "COMPLETE") for n in range(4)]
    assert now.best is not None
    assert now.best["values"] == {"objective": 0.5}
    assert not list(functions.client.dead_letters())


def test_an_event_that_is_refused_is_a_dead_letter_to_look_at_and_replay(
    functions: Functions,
) -> None:
    functions.wait("complete")
    functions.wait("deadletter")
    event = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/pipeline",
        "ce-type": "dev.tunelet.trial.completed",
        "ce-subject": "default/nothing/0/1",
        "content-type": "application/json",
    }
    functions.broker.route(event, b'{"token": "a key", "values": {"objective": 1}}')
    first = _letters(functions)[0]
    assert first["event"]["subject"] == "default/nothing/0/1"
    assert (first["destination"], first["status"]) == ("complete", 422)
    assert "nothing" in first["answer"]
    assert functions.client.dead_letter(first["id"])["data"]["token"] == "(not shown)"
    functions.client.replay(first["id"])
    # It is still poison, and comes back.
    assert _letters(functions)[0]["id"] != first["id"]


def _letters(functions: Functions) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 60
    while not (found := list(functions.client.dead_letters())):
        assert time.monotonic() < deadline, functions.log.read_text()
        time.sleep(0.05)
    return found
