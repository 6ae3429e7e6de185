"""A real server that ignores conditions is refused before an experiment begins on it.

gcp-storage-emulator speaks Google's protocol and lets every writer win.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

import algorithms
from adapters.storage import open_store
from benchmarks.harness.process import free_port
from tests.faults.training import ScriptedLauncher
from tunelet.assembly import assembled
from tunelet.cli import main
from tunelet.core.signal import Signal
from tunelet.errors import Reject
from tunelet.store_probe import probe

URL = "gs://careless/p?client=google"
REQUEST = {
    "name": "e",
    "model_training_code": "image",
    "hyperparameters": {"x": {"type": "float", "min": 0.0, "max": 1.0}},
    "hpo_algorithm": "random_search",
}


class Unheard:
    def publish(self, signal: Signal) -> None:
        """Drop the line of the log."""


def answers(port: int) -> bool:
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/storage/v1/b/careless")
        return connection.getresponse().status == 200
    except (ConnectionError, HTTPException):
        return False


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    port = free_port()
    command = [Path(sys.executable).with_name("gcp-storage-emulator"), "start", "--in-memory"]
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port), "--default-bucket", "careless"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if "EMULATOR" not in name},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until = time.monotonic() + 30
            while not answers(port):
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < until, "the server does not answer"
                time.sleep(0.05)
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
            monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "careless")
            yield
        finally:
            process.kill()


@pytest.mark.usefixtures("server")
def test_a_server_that_ignores_conditions_is_refused() -> None:
    store = open_store(URL)
    with pytest.raises(Reject, match=r"^gs://careless/p: the store created a key that existed"):
        probe(store)
    assert list(store.list("")) == []


@pytest.mark.usefixtures("server")
def test_no_experiment_begins_on_it() -> None:
    store = open_store(URL)
    service = assembled(
        store,
        ScriptedLauncher(),
        algorithms.load_catalog(),
        Unheard(),
        secret=b"0" * 16,
        api_url="",
    )
    with pytest.raises(Reject, match="conditional writes"):
        service.submit(REQUEST)
    assert list(store.list("")) == []


@pytest.mark.usefixtures("server")
def test_the_doctor_refuses_the_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", URL]) == 2
    captured = capsys.readouterr()
    assert "promises  broken" in captured.out
    assert "created a key that existed" in captured.err
