"""End processes that outlived their shim, found by a variable in their environment.

When a shim is killed the kernel kills its child, but not the child's own children. They would
still write to the trial's checkpoint during the next attempt, so they are killed before a run
counts as lost. Linux only; a process that cleared its environment is not found.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tunelet.errors import Retry

MARK = "TUNELET_RUN_FOLDER"
"""The variable in every training process's environment that names its run's folder."""

_PATIENCE_SECONDS = 5.0


def end_leftovers(folder: Path) -> None:
    """Kill the processes of the run in `folder`. Raises `Retry` if they do not end."""
    if sys.platform != "linux":
        return
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _kill(folder):
        if time.monotonic() > deadline:
            raise Retry(f"processes of {folder} are still ending", after=1.0)
        time.sleep(0.01)


def _kill(folder: Path) -> int:
    """Kill the processes that exist now; returns how many there were."""
    found = list(_marked(folder))
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return len(found)


def _marked(folder: Path) -> Iterator[int]:
    mark = f"{MARK}={folder}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # Gone, or another user's.
            if mark in environment.split(b"\0"):
                yield int(entry.name)
