"""A Slurm cluster of one node, in a folder: munged, slurmctld and slurmd, as the test's user."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.harness.process import free_port

NEEDS = ("munged", "slurmctld", "slurmd", "sbatch")
SECONDS = 120.0

# The node claims more processors than there are, so that a whole array runs at a time.
_CONFIGURATION = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=32 CoresPerSocket=32
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """The programs of Slurm that this machine lacks."""
    return [name for name in NEEDS if not shutil.which(name, path=_path())]


def _path() -> str:
    """The daemons are in folders that only root has on the PATH."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """The variables with which Slurm's commands reach the cluster, as long as the context lasts."""
    host = socket.gethostname().partition(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(64))
    key.chmod(0o400)
    ports = {"port": free_port(), "node_port": free_port()}
    text = _CONFIGURATION.format(folder=folder, host=host, user=getpass.getuser(), **ports)
    (folder / "slurm.conf").write_text(text)
    env = {"SLURM_CONF": str(folder / "slurm.conf")}
    with ExitStack() as stack:
        munge = ["--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.sock"]
        munge += [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")]
        stack.enter_context(_daemon(["munged", *munge], folder))
        _until((folder / "munge.sock").exists, folder)
        stack.enter_context(_daemon(["slurmctld", "-D"], folder, env))
        stack.enter_context(_daemon(["slurmd", "-D"], folder, env))
        _until(lambda: b"idle" in _output(["sinfo", "--noheader"], env), folder)
        yield env
        _output(["scancel", "--user", getpass.getuser()], env)
        _until(lambda: not _output(["squeue", "--noheader"], env).strip(), folder)


@contextmanager
def _daemon(
    command: Sequence[str], folder: Path, env: dict[str, str] | None = None
) -> Iterator[None]:
    with (folder / f"{command[0]}.output").open("wb") as output:
        process = subprocess.Popen(
            [str(shutil.which(command[0], path=_path())), *command[1:]],
            env=os.environ | (env or {}),
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _output(command: Sequence[str], env: dict[str, str]) -> bytes:
    ran = subprocess.run(command, env=os.environ | env, capture_output=True, check=False)
    return ran.stdout


def _until(holds: Callable[[], object], folder: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        said = {path.name: path.read_text()[-2000:] for path in folder.glob("*.output")}
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
