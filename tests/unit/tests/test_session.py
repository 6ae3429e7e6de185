"""A test session that is cut off leaves no process: real sessions, over a folder of one test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.guard import end_all

ROOT = Path(__file__).parents[2]

CONFTEST = "from tests.session import pytest_configure"

LEAVES_A_TRAINING = """
import os, subprocess, time
from pathlib import Path
from adapters.launchers.local.environment import inherited

def test_it():
    # As the product starts one.
    training = subprocess.Popen(
        ["sleep", "999"], cwd="/", env=inherited(os.environ), start_new_session=True
    )
    new = Path("new")
    new.write_text(f"{os.getpid()} {training.pid}")
    new.rename("begun")
    time.sleep(float(os.environ["THEN_WAIT"]))
"""


class Sessions:
    """Runs pytest over the folder, with a worker, as `make test` does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "test_it.py").write_text(LEAVES_A_TRAINING)
        (folder / "temporary").mkdir()

    def begin(self, *options: str, then_wait: float) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist"]
        return subprocess.Popen(
            [*command, *options, "--rootdir", str(self.folder), "test_it.py"],
            cwd=self.folder,
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.folder / "temporary")}
            | {"THEN_WAIT": str(then_wait), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def begun(self) -> tuple[int, int]:
        """The process ids of the worker and of the training, once the test runs."""
        path = self.folder / "begun"
        _until(path.exists)
        worker, training = path.read_text().split()
        return int(worker), int(training)


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    yield Sessions(tmp_path)
    end_all(tmp_path)


def _until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_session_that_a_signal_ends_leaves_neither_training_nor_worker(
    sessions: Sessions, number: signal.Signals
) -> None:
    session = sessions.begin("-n1", then_wait=999)
    worker, training = sessions.begun()
    if number == signal.SIGINT:  # Ctrl-C is for all that belong to the terminal's command.
        os.killpg(session.pid, number)
    else:
        session.send_signal(number)
    assert session.wait(60) != 0
    _until(lambda: _gone(training) and _gone(worker))


def test_a_process_that_a_passed_test_left_is_ended_and_named(sessions: Sessions) -> None:
    session = sessions.begin(then_wait=0)
    said = session.communicate(timeout=60)[0]
    assert _gone(sessions.begun()[1])
    assert session.returncode == 0
    assert "1 passed" in said
    assert "sleep 999" in said


def test_processes_of_a_session_killed_with_its_guard_end_with_the_next(
    sessions: Sessions,
) -> None:
    first = sessions.begin(then_wait=999)
    training = sessions.begun()[1]
    (guard,) = psutil.Process(first.pid).children()[:1]
    guard.kill()
    first.kill()
    first.wait()
    assert not _gone(training)
    sessions.begin("--collect-only", then_wait=0).communicate(timeout=60)
    assert _gone(training)
    assert sorted(path.name for path in (sessions.folder / "temporary").glob("*/*")) == ["lock"]
