"""A PostgreSQL server of this machine's programs, in a folder that goes with it."""

import os
import shutil
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
    """The URL, for SQLAlchemy, of an empty database on a Unix socket; None without initdb.

    Its settings are initdb's own, so that a commit is synced to the disk. The server does not
    run as root, and becomes `nobody` where this program does.
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
                server.terminate()


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
