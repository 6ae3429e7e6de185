"""The folder of one run on disk: the only state that process launchers share.

    launch.json   the plan (`Plan`)
    lock          flocked by the shim as long as it lives; names its process id from the start
    output.log    standard output and error; of long output the beginning and the end
    values.log    of long output the values after the beginning (see `output`)
    work/         the working folder of the training code
    stop          exists once a stop was asked for
    exit.json     how it ended (`End`); appears atomically

The run was launched if and only if the lock is held or names the shim. A folder that a dying
service left before its shim began does not count. If the lock is not held and `exit.json` is
absent, the run was lost.
"""

import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from errno import EEXIST, ENOTEMPTY
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import msgspec

from adapters.storage.atomic_file import make_folders, sync_name, write
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Run
from tunelet.errors import Reject
from tunelet.text.lazy_pattern import lazy_pattern

_SEGMENT = lazy_pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Plan(msgspec.Struct, frozen=True):
    """The data that the shim needs to start a run, and launchers to judge it later."""

    run: Run
    argv: tuple[str, ...]
    env: dict[str, str]
    """The whole environment of the training process."""
    metrics: MetricsSource
    timeout: float | None
    """Seconds."""
    grace: float
    """Seconds between SIGTERM and SIGKILL."""
    metrics_file: str | None = None
    """The path of the metrics file on this machine."""
    cleanup: tuple[tuple[str, ...], ...] = ()
    """Commands that remove things that outlive the process, such as a container."""
    lost_codes: tuple[int, ...] = ()
    """Exit codes that mean that the command never ran."""
    modules: tuple[str, ...] = ()
    """The `sys.path` from which the shim imports the parser of values, if it needs it."""
    store: str = ""
    """`Launch.store`."""
    digest: str = ""
    """`Launch.digest`."""
    workdir: str | None = None
    """The folder in which the process starts; None: its own folder, `work`."""
    files: dict[str, str] = {}
    """Further files of the folder, readable only by this user: contents by name."""


class End(msgspec.Struct, frozen=True):
    """The end of a run, as its shim recorded it."""

    exit_code: int | None
    """Negative: the signal that killed it. None: it was stopped before it was started."""
    stopped: bool
    timed_out: bool
    ended_at: float
    """Seconds since the epoch."""
    lost: bool = False
    """A signal ended it, and not a launcher."""


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.output = path / "output.log"
        self.work = path / "work"

    def create(self, plan: Plan, temporary: Path) -> int | None:
        """Make the folder with its lock held; None if it existed.

        Returns the descriptor that holds the lock. Of concurrent calls one makes it.
        `temporary` is a folder on the same file system.
        """
        made = Path(mkdtemp(dir=temporary))
        lock = os.open(made / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _write(made / "launch.json", msgspec.json.encode(plan))
            for name, text in plan.files.items():
                _write(made / name, text.encode())
            (made / "output.log").touch(0o600)
            (made / "work").mkdir()
            sync_name(str(made / "work"))
            make_folders(str(self.path.parent), str(temporary.parent))
            # Fails if the target exists, because a run's folder is never empty.
            made.rename(self.path)
            # If a power cut undid the rename, the run would be launched again.
            sync_name(str(self.path))
        except OSError as error:
            os.close(lock)
            shutil.rmtree(made, ignore_errors=True)
            if error.errno in (EEXIST, ENOTEMPTY):
                return None
            raise
        return lock

    def launched(self) -> bool:
        """Whether the run was ever started, or is being started now."""
        return self.held() or self._begun()

    def discard_unbegun(self, temporary: Path) -> None:
        """Remove the folder of a launch that died before its shim began, for a new launch.

        A separate lock lets one process at a time do so: holding `lock` would look like a launch.
        """
        plan = self.path / "launch.json"
        try:
            turn = os.open(plan, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another process may have put a new folder in its place since.
            same = os.path.samestat(os.fstat(turn), os.stat(plan))
            if same and not self.launched():
                self.remove(temporary)
        except (BlockingIOError, FileNotFoundError):
            return
        finally:
            os.close(turn)

    def remove(self, temporary: Path) -> None:
        """Remove the folder atomically, so that a partly removed run does not look lost."""
        gone = self.path.rename(temporary / uuid4().hex)
        shutil.rmtree(gone)

    def _begun(self) -> bool:
        """Whether the shim began. Call it after `held`: a shim writes its id before it ends."""
        try:
            return (self.path / "lock").stat().st_size > 0
        except FileNotFoundError:
            return False

    def plan(self) -> Plan:
        return msgspec.json.decode((self.path / "launch.json").read_bytes(), type=Plan)

    def end(self) -> End | None:
        """Read how the run ended; None if its shim has not recorded it."""
        try:
            data = (self.path / "exit.json").read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(data, type=End)

    def held(self) -> bool:
        """Whether the shim is alive.

        Call it before `end`: a shim that has ended writes no end any more.
        """
        return locked(self.path / "lock")

    def stop(self) -> None:
        """Ask the shim to end the run."""
        if not self.held():
            return
        # The shim writes its id and then looks for `stop`; we do it in the opposite order,
        # so one of the two sees the other.
        (self.path / "stop").touch()
        pid = (self.path / "lock").read_bytes()
        if pid:
            self._signal(int(pid))

    def _signal(self, pid: int) -> None:
        try:
            if sys.platform != "linux":
                os.kill(pid, signal.SIGTERM)
                return
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            # The descriptor refers to the process that has the id now. The lock is still held,
            # so that process is the shim and not a later one with the same id.
            if self.held():
                signal.pidfd_send_signal(process, signal.SIGTERM)
        except ProcessLookupError:
            return
        finally:
            os.close(process)


def locked(path: Path) -> bool:
    """Whether a process holds the file's lock. Several processes may check at once."""
    try:
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        write(file.fileno(), data)


def runs_path(folder: Path, namespace: str, experiment: str) -> Path:
    """Return where a launcher in `folder` keeps an experiment's runs."""
    return folder / "runs" / segment(namespace) / segment(experiment)


def run_path(folder: Path, run: Run) -> Path:
    top = runs_path(folder, run.namespace, run.experiment)
    return top / segment(run.uid) / str(run.number) / str(run.attempt)


def segment(name: str) -> str:
    """Return the name. Raises `Reject` if it cannot be part of a path."""
    if not _SEGMENT.fullmatch(name):
        raise Reject(f"{name!r} cannot be part of a run's name")
    return name


def chunks(read: Callable[[int], bytes], close: Callable[[], None]) -> Iterator[bytes]:
    try:
        while chunk := read(1 << 16):
            yield chunk
    finally:
        close()
