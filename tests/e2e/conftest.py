"""`tunelet up` as a user starts it: a process of its own, on a free port."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.harness.process import free_port
from tests.guard import end_all
from tunelet.client import Client
from tunelet.text.credential import generated, hashed

# Before a test works in a folder of its own: with that folder the tracker would be ended, and the
# next test that spawns processes would be warned of it.
resource_tracker.ensure_running()

ROOT = Path(__file__).resolve().parents[2]


class Up:
    """One `tunelet up` over a folder. Killed and started again, it keeps its port."""

    def __init__(self, data: Path, *options: str, open_files: int | None = None) -> None:
        self.data, self._options, self._port = data, options, str(free_port())
        limited = f'ulimit -n {open_files}; exec "$@"'
        self._limit = ("/bin/bash", "-c", limited, "bash") if open_files else ()
        self.url = ""
        self.start()

    def start(self) -> None:
        command = [
            *self._limit,
            sys.executable,
            "-c",
            "import sys; from tunelet.cli import main; sys.exit(main())",
        ]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "up", "--port", self._port, "--data", str(self.data), *self._options],
                cwd=ROOT,
                env=os.environ
                | {
                    "PYTHONPATH": os.pathsep.join(
                        filter(None, (str(ROOT), os.getenv("PYTHONPATH")))
                    )
                },
                stdout=output,
                stderr=output,
            )
        try:
            self._wait_until_it_serves()
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_serves(self) -> None:
        deadline = time.monotonic() + 60
        while not (found := re.findall(rb"serves (http\S+:(\d+))", self.output.read_bytes())):
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)
        self.url, self._port = found[-1][0].decode(), found[-1][1].decode()
        self.client = Client(self.url)

    @property
    def output(self) -> Path:
        return self.data.with_suffix(".log")

    def kill(self) -> None:
        """As a power cut or the kernel would: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(autouse=True)
def nothing_is_left_running(tmp_path: Path) -> Iterator[None]:
    """Trainings outlive the service that began them, as they must, but not the test."""
    yield
    end_all(tmp_path)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts `tunelet up` with options; all that were started are ended with the test."""
    started: list[Up] = []

    def start(*options: str, open_files: int | None = None) -> Up:
        data = tmp_path / f"data{len(started)}"
        started.append(Up(data, *options, open_files=open_files))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.close()


class Identity(NamedTuple):
    """A configuration of identities with one editor of the namespace `default`."""

    file: Path
    token: str

    def client(self, up: Up, token: str | None = None) -> Client:
        return Client(up.url, token=token or self.token)


def one_editor(folder: Path) -> Identity:
    token = generated()
    known = [{"name": "ci", "sha256": hashed(token)}]
    roles = [{"role": "editor", "namespaces": ["default"], "actors": ["token:ci"]}]
    path = folder / "identity.json"
    path.write_text(json.dumps({"tokens": known, "roles": roles}))
    return Identity(path, token)


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return one_editor(tmp_path)


@pytest.fixture
def wait() -> Callable[[Callable[[], object]], None]:
    """Waits until something holds; a minute at most."""

    def until(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, "it did not come to be"
            time.sleep(0.05)

    return until
