"""`tunelet run --ui`: the page of a search, at an address of its own, as long as it is wanted."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError

from tests.e2e.test_run import ROOT, TUNELET

Wait = Callable[[Callable[[], object]], None]
GATE = "while [ ! -e gate ]; do sleep 0.05; done; echo objective=1"
_POOL = urllib3.PoolManager(retries=False, timeout=20)


class Run:
    """A search of two trials, which end once `open_gate` was called."""

    def __init__(self, folder: Path, wait: Wait, output: int | None = None) -> None:
        self._gate, self._said, self._wait = folder / "gate", folder / "said", wait
        words = ["run", "--ui", "--float", "x=0:1", "--minimize", "objective", "--name", "seen"]
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [*TUNELET, *words, "-n", "2", "--", "bash", "-c", GATE],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL if output is None else output,
                stderr=said,
            )
        wait(lambda: "page  " in self.said)
        found = re.search(r"page  (http://127\.0\.0\.1:\d+)/#/default/seen\n", self.said)
        assert found, self.said
        self.url = found[1]

    @property
    def said(self) -> str:
        return self._said.read_text()

    def open_gate(self) -> None:
        self._gate.touch()

    def state(self) -> str:
        return str(_POOL.request("GET", f"{self.url}/api/experiments/seen").json()["state"])

    def answers(self) -> bool:
        try:
            return _POOL.request("GET", f"{self.url}/api/health").status == 200
        except HTTPError:
            return False


def test_the_page_shows_a_search_while_it_runs_and_ends_with_it(tmp_path: Path, wait: Wait) -> None:
    run = Run(tmp_path, wait)
    try:
        assert run.state() == "RUNNING"
        page = _POOL.request("GET", f"{run.url}/")
        assert "Tunelet" in page.data.decode()
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        forged = _POOL.request("GET", f"{run.url}/api/health", headers={"Host": "evil.example"})
        assert forged.status == 421
        run.open_gate()
        assert run.process.wait(60) == 0
        assert not run.answers()
    finally:
        run.process.kill()


def test_a_change_in_the_page_changes_the_search(tmp_path: Path, wait: Wait) -> None:
    run = Run(tmp_path, wait)
    try:
        stopped = _POOL.request("POST", f"{run.url}/api/experiments/seen/stop")
        assert stopped.json()["state"] == "STOPPED"
        assert run.process.wait(60) == 1
    finally:
        run.process.kill()


def test_in_a_terminal_the_page_stays_until_ctrl_c(tmp_path: Path, wait: Wait) -> None:
    terminal, output = pty.openpty()
    run = Run(tmp_path, wait, output)
    try:
        os.set_blocking(terminal, False)
        run.open_gate()

        def stays() -> bool:
            _read(terminal)
            return "stays at" in run.said

        wait(stays)
        assert run.state() == "COMPLETE"
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(60) == 0
        assert not run.answers()
    finally:
        run.process.kill()
        os.close(terminal)
        os.close(output)


def _read(terminal: int) -> None:
    """Take what was written to the terminal, or its writer would wait."""
    try:
        while os.read(terminal, 1 << 16):
            pass
    except BlockingIOError:
        pass


def test_without_it_nothing_of_a_server_is_imported(tmp_path: Path) -> None:
    words = ["run", "--float", "x=0:1", "--minimize", "y", "-n", "1", "--", "echo", "y=1"]
    script = (
        "import sys; from tunelet.cli import main; code = main(sys.argv[1:]);"
        "servers = {'waitress', 'functions.hosting.beside', 'functions.page'} & set(sys.modules);"
        "sys.exit(code or sorted(servers).__str__() if servers else code)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-c", script, *words], cwd=tmp_path, env=environment, check=True
    )
