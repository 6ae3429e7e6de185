"""Containers and pods on this machine: their memory, processes and addresses."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
GROUPS = _ROOT / "memory" if (_ROOT / "memory").exists() else _ROOT
ANONYMOUS = ("anon", "total_rss")
"""The names of anonymous memory in memory.stat (control groups 2 and 1)."""


def memory(container: str) -> int:
    """Return the bytes of anonymous memory. Raises `LookupError` unless it is on this machine."""
    for folder in _named(container.rpartition("/")[2]):
        lines = (folder / "memory.stat").read_text().splitlines()
        stat = dict(line.split() for line in lines)
        return next(int(stat[name]) for name in ANONYMOUS if name in stat)
    raise LookupError(f"{container} does not run on this machine")


def processes(uid: str) -> list[int]:
    """Return the processes of a pod."""
    groups = [*_named(uid), *_named(uid.replace("-", "_"))]
    folders = [Path(folder) for group in groups for folder, *_ in os.walk(group)]
    return [int(pid) for each in folders for pid in (each / "cgroup.procs").read_text().split()]


def began(pid: int) -> float:
    """Return when the process was started, by `time.monotonic`."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    after_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return after_boot - time.clock_gettime(time.CLOCK_BOOTTIME) + time.monotonic()


def address(pid: int) -> str | None:
    """Return the address of the process's pod; None if it has none yet."""
    try:
        lines = Path(f"/proc/{pid}/net/fib_trie").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None  # what only prepared the container has ended since
    last = ""
    for line in lines:
        if "/32 host LOCAL" in line and not last.startswith("127."):
            return last
        last = line.rpartition(" ")[2]
    return None


def _named(part: str) -> Iterator[Path]:
    """The groups with this text in their name. Groups may come and go during the search."""
    for folder, names, _ in os.walk(GROUPS):
        yield from (Path(folder) / name for name in names if part in name)
