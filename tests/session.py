"""A test session that leaves no process, in whatever way it ends.

pytest's own process (not a worker of it) makes a folder, sets TMPDIR to it and starts
tests/guard.py, which ends every process with that TMPDIR as soon as pytest has ended. pytest
holds a lock in the folder: where the lock is free, session and guard were both killed, and the
next session ends the processes that are left. A session that ends by itself waits for its
guard and names the processes that were left. It does not fail: whether a training that was told to
stop is gone by then depends on how busy the machine is.

Folders that `tmp_path` gives stay where pytest keeps them, for a look at them afterwards.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.guard import end_all

GUARD = Path(__file__).with_name("guard.py")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell has its background commands ignore Ctrl-C, and what tests start would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(GuardedSession())


class GuardedSession:
    """A plugin for pytest's own process."""

    def __init__(self) -> None:
        before = Path(tempfile.gettempdir()).resolve()
        sessions = before / f"tunelet-tests-{os.getuid()}"
        sessions.mkdir(exist_ok=True, mode=0o711)
        with _locked(sessions / "lock"):
            _end_abandoned(sessions)
            self._folder = Path(tempfile.mkdtemp(dir=sessions, prefix=""))
            # A server that a test starts as another user finds its own folder below.
            self._folder.chmod(0o711)
            self._held = ExitStack()
            self._held.enter_context(_locked(self._folder / "lock"))
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(before))
        command = [sys.executable, "-S", "-E", str(GUARD), str(self._folder)]
        self._guard = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is not for it, nor what ends the group or the session of pytest.
            start_new_session=True,
            text=True,
        )
        os.environ["TMPDIR"] = tempfile.tempdir = str(self._folder)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """After the workers have ended."""
        left = self._guard.communicate()[0].strip()
        self._held.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if left and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            reporter = session.config.pluginmanager.getplugin("terminalreporter")
            reporter.write_line(
                f"\nTests left these processes, which were killed:\n{left}", red=True
            )


def _end_abandoned(sessions: Path) -> None:
    """End the processes of sessions that were killed together with their guards."""
    for folder in sessions.iterdir():
        if not folder.is_dir():
            continue
        try:
            with _locked(folder / "lock", fcntl.LOCK_NB):
                end_all(folder)
        except BlockingIOError:
            continue
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(path: Path, how: int = 0) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | how)
        yield
