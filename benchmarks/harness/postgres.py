"""Runs a PostgreSQL server from this machine's programs, in a temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

NEEDS = "PostgreSQL is left out: initdb is not on the path (Debian's package postgresql has it)"
PATIENCE = 30.0


@contextmanager
def postgres() -> Iterator[str | None]:
    """Yield SQLAlchemy's URL of an empty database on a Unix socket; None without initdb.

    The settings are initdb's defaults, so a commit is synced to the disk. The server cannot run as
    root; if this program does, the server runs as `nobody`.
    """
    initdb = shutil.which("initdb")
    if initdb is None:
        yield None
        return
    programs = Path(initdb).resolve().parent
    user = "nobody" if os.geteuid() == 0 else None
    # A socket's path is at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        if user is not None:
            shutil.chown(name, user)
        made = [initdb, "-D", f"{name}/data", "-U", "postgres", "-A", "trust"]
        subprocess.run(made, check=True, user=user, cwd=name, stdout=subprocess.DEVNULL)
        settings = ["-D", f"{name}/data", "-k", name, "-c", "listen_addresses="]
        with subprocess.Popen(
            [str(programs / "postgres"), *settings], user=user, cwd=name, stderr=subprocess.DEVNULL
        ) as server:
            try:
                _wait_for(name)
                yield f"postgresql+psycopg://postgres@/postgres?host={name}"
            finally:
                # SIGTERM would wait for connections that a caller has not closed.
                server.send_signal(signal.SIGINT)


def _wait_for(folder: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(host=folder, user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
