"""The folder in which a service on this machine keeps its data.

lock      flocked by the process that uses the folder
alive     flocked by it as well; others try this lock to see whether it runs
secret    signs the trials' tokens
runs/     the runs of the local launcher
store/    the experiments' logs, unless they are in another store
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from adapters.launchers.local.folder import locked
from adapters.launchers.local.launcher import ProcessLauncher
from adapters.launchers.local.launcher import open_url as open_launcher
from adapters.storage.atomic_file import make_folders, sync_name, write
from functions.settings import Settings


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Lock the folder for this process, and make it readable only by this user."""
    make_folders(str(data.absolute()), mode=0o700)
    with (data / "lock").open("wb") as file:
        _lock(file, data)
        with _alive(data):
            yield


def in_use(data: Path) -> bool | None:
    """Whether a process uses the folder; None if that is not known."""
    path = data / "alive"
    return locked(path) if path.exists() else None


def _alive(data: Path) -> BinaryIO:
    """Lock the file that `in_use` looks at. To try `lock` itself could refuse a start."""
    new = data / "alive.new"
    file = new.open("wb")
    try:
        # It gets its name once it is locked, so no process sees it unlocked.
        fcntl.flock(file, fcntl.LOCK_EX)
        new.rename(data / "alive")
    except OSError:
        file.close()
        raise
    return file


def _lock(file: BinaryIO, data: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        raise OSError(taken.errno, f"another tunelet serves from {data}") from taken


def secret(path: Path) -> bytes:
    """Return the secret that signs the trials' tokens. It is written once and atomically."""
    if not path.exists():
        new = path.with_suffix(".new")
        descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            write(descriptor, secrets.token_hex(32).encode())
        finally:
            os.close(descriptor)
        new.rename(path)
        sync_name(str(path))
    return path.read_bytes()


def runs_in(data: Path) -> str:
    """Return the URL of the local launcher that keeps its runs in a folder of `data`."""
    return (data / "runs").as_uri().replace("file:", "process:", 1)


def local(settings: Settings, workdir: Path | None = None) -> ProcessLauncher:
    """Return the launcher of processes on this machine; aliases' commands start in `workdir`."""
    return open_launcher(
        settings.launcher,
        aliases=settings.aliases,
        limit=settings.max_processes,
        workdir=workdir,
        commands=settings.allow_commands,
    )
