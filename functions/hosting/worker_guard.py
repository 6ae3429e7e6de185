"""Ends a worker's trainings if the worker is killed, and removes its folder.

A training's shim outlives the process that launched it, as a service needs. A worker's trial is
given to another once its lease runs out, so its training must not continue. A shell waits for the
end of the worker, because it needs less memory than a Python.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.launchers.local.launcher import ProcessLauncher

_LOOK_SECONDS = 0.1
_LONGEST_SECONDS = 30.0

_PROGRAM = """
import sys
from tunelet.bundle import activate
activate()
from functions.hosting.worker_guard import clean
clean(*sys.argv[1:])
"""


@contextmanager
def guarded(folder: Path, namespace: str, name: str) -> Iterator[None]:
    """Call `clean` if this process dies in the context."""
    words = [sys.executable, "-c", _PROGRAM, str(folder), namespace, name]
    guard = subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; exec "$@"', "tunelet-guard", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is not for it
    )
    try:
        yield
    finally:
        guard.kill()
        guard.communicate()


def clean(folder: str, namespace: str, name: str) -> None:
    """Stop the runs in the folder, wait for their ends, and remove it."""
    launcher = ProcessLauncher(Path(folder), {}, 1)
    over = time.monotonic() + _LONGEST_SECONDS
    while (runs := launcher.active(namespace, name)) and time.monotonic() < over:
        for run in runs:
            launcher.stop(run)
        time.sleep(_LOOK_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
