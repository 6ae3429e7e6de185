"""End the processes of a test session once the session has ended in any way.

`python -S -E guard.py FOLDER` is a program of its own beside pytest. Its standard input is a
pipe that only pytest holds open, so it closes with pytest, also with one that is killed. A
process belongs to the session if its environment has TMPDIR=FOLDER, which the product hands on
to trainings (they otherwise outlive what has started them), or if it works below FOLDER. At the
end this program writes the command of each process that it has ended. Linux only; elsewhere it
finds nothing.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
MOST_SECONDS = 10.0
"""A process that waits for a disk cannot be ended before the disk answers."""


def end_all(folder: Path) -> list[str]:
    """Kill the processes that belong to the folder until none is left; their commands."""
    ended: dict[int, str] = {}
    deadline = time.monotonic() + MOST_SECONDS
    while (found := dict(_found(folder))) and time.monotonic() < deadline:
        for pid in found:
            _kill(pid)
        ended |= {pid: command for pid, command in found.items() if pid not in ended}
        time.sleep(0.01)
    return list(ended.values())


def _found(folder: Path) -> Iterator[tuple[int, str]]:
    """The process ids and commands of those that are alive."""
    if not PROC.is_dir():
        return
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            belongs = _works_below(entry, folder) or _is_marked(entry, folder)
            command = (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # It has ended, or belongs to another user.
        if belongs and command:  # A zombie has none.
            yield int(entry.name), command.replace(b"\0", b" ").decode(errors="replace").strip()


def _works_below(process: Path, folder: Path) -> bool:
    return (process / "cwd").readlink().is_relative_to(folder)


def _is_marked(process: Path, folder: Path) -> bool:
    """Whether its TMPDIR is this folder, or that of a session inside this one."""
    mark = b"TMPDIR=" + os.fsencode(folder)
    variables = (process / "environ").read_bytes().split(b"\0")
    return any(each == mark or each.startswith(mark + b"/") for each in variables)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def main(folder: str) -> None:
    sys.stdin.buffer.read()
    ended = "\n".join(end_all(Path(folder)))
    with suppress(BrokenPipeError):  # Of a pytest that was killed.
        os.write(sys.stdout.fileno(), ended.encode())


if __name__ == "__main__":
    main(sys.argv[1])
