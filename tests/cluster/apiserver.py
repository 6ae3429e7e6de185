"""Kills and restarts the API server of a cluster that has this machine as its node."""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.cluster.conftest import Kubectl
from tests.contracts.launchers import until

NAME = "kube-apiserver"


class Process(NamedTuple):
    """The data to start a process again."""

    pid: int
    command: list[str]
    environment: dict[str, str]
    folder: str
    output: str
    niceness: int

    @classmethod
    def of(cls, pid: int) -> "Process":
        about = Path(f"/proc/{pid}")
        variables = _words(about / "environ")
        return cls(
            pid,
            _words(about / "cmdline"),
            {name: value for name, _, value in (each.partition("=") for each in variables)},
            os.readlink(about / "cwd"),
            os.readlink(about / "fd" / "1"),
            os.getpriority(os.PRIO_PROCESS, pid),
        )

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        while not _over(Path(f"/proc/{self.pid}")):
            time.sleep(0.01)

    def start(self) -> int:
        """Start the process again, without a parent; returns its id."""
        nicer = self.niceness - os.getpriority(os.PRIO_PROCESS, 0)
        with open(self.output, "ab") as output:
            subprocess.run(
                ["setsid", "--fork", "nice", "-n", str(nicer), *self.command],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=True,
            )
        return until(running).pid


def running() -> Process | None:
    """The API server, if it is a process of this machine; None if there is none, or several."""
    found = [
        int(each.name)
        for each in Path("/proc").iterdir()
        if each.name.isdigit() and os.path.basename((_words(each / "cmdline") or [""])[0]) == NAME
    ]
    return Process.of(found[0]) if len(found) == 1 else None


def restart(server: Process, seconds: float, kubectl: Kubectl) -> None:
    """Kill the server, start it again after these seconds, and wait until it is ready."""
    with _alone():
        server.kill()
        time.sleep(seconds)
        pid = server.start()
        _replace(Path(os.environ["KUBECONFIG"]).parent / "pid" / "apiserver", server.pid, pid)
        until(lambda: kubectl("get", "--raw", "/readyz", fails=True) == "ok")


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of the tool that keeps the cluster, or it would begin a new one meanwhile."""
    folder = os.environ.get("TUNELET_CLUSTER_CACHE") or Path.home() / ".cache" / "tunelet-cluster"
    with (Path(folder) / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(file: Path, before: int, now: int) -> None:
    """Put the new process into the tool's file: its id, and when it was started."""
    if file.exists() and file.read_text().split()[0] == str(before):
        since = Path(f"/proc/{now}/stat").read_text().rpartition(")")[2].split()[19]
        file.write_text(f"{now} {since}\n")


def _over(process: Path) -> bool:
    """All its threads are gone, and with the last one its port is free."""
    try:
        threads = list((process / "task").iterdir())
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return len(threads) <= 1 and state in "ZX"


def _words(file: Path) -> list[str]:
    """Of a file of /proc; none if the process is gone."""
    try:
        return [each for each in file.read_bytes().decode(errors="replace").split("\0") if each]
    except OSError:
        return []
