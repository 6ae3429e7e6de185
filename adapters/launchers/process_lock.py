"""Locks that show whether a process that used a folder's store is dead.

A process holds a lock on a file of its own in the folder, and the kernel releases it when the
process ends, however it ends. The file names the machine's boot: a lock of another machine, or from
before a restart, shows nothing. If trainings outlive the process, the file names their folder, too:
while any of them runs, nothing is shown, because the same process may come back to it.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from adapters.storage.root_folder import OWN

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_KEPT_SECONDS = 7 * 24 * 3600.0
"""Older files of dead processes are removed. Until then they show others what was lost."""

Dead = Callable[[str], bool]
"""Whether the process with this installation's id is certainly dead."""


@contextmanager
def locked(store_url: str, installation: str, runs: Path | None = None) -> Iterator[Dead]:
    """Hold the lock of this process; yields what shows that others are dead.

    `runs` is the folder of the launcher with trainings that outlive the process.
    In a bucket, or where the machine's boot is not known, nothing is shown: leases decide.
    """
    parts = urlsplit(store_url)
    boot = _boot()
    if parts.scheme != "file" or not boot:
        yield lambda _: False
        return
    folder = Path(unquote(parts.path)) / OWN / "processes"
    with ExitStack() as stack:
        # A folder without locks, or a full disk: others wait for the lease instead.
        with suppress(OSError):
            stack.enter_context(_held(folder, installation, _text(boot, runs)))
        try:
            yield lambda other: _dead(folder / other, boot)
        finally:
            if runs is not None and _any_runs(runs):
                # Its user may start it again when these trainings have ended.
                (folder / installation).unlink(missing_ok=True)


def _text(boot: bytes, runs: Path | None) -> bytes:
    return boot if runs is None else boot + b"\n" + os.fsencode(runs.absolute())


def _held(folder: Path, installation: str, text: bytes) -> BinaryIO:
    folder.mkdir(mode=0o700, exist_ok=True)
    _clean(folder)
    # It gets its name once it is locked, so no one sees it unlocked before.
    new = folder / f"{token_hex(8)}.new"
    file = new.open("xb")
    try:
        file.write(text)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        new.rename(folder / installation)
    except OSError:
        file.close()
        raise
    return file


def _dead(path: Path, boot: bytes) -> bool:
    try:
        with path.open("rb") as file:
            its_boot, _, runs = file.read().partition(b"\n")
            if its_boot != boot:
                return False
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return not (runs and _any_runs(Path(os.fsdecode(runs))))
    except OSError:  # there is no such process, or it holds its lock
        return False


def _any_runs(folder: Path) -> bool:
    from adapters.launchers.local.folder import locked

    return any(locked(slot) for slot in (folder / "slots").glob("[0-9]*"))


def _boot() -> bytes:
    try:
        return _BOOT.read_bytes().strip()
    except OSError:
        return b""


def _clean(folder: Path) -> None:
    oldest = time.time() - _KEPT_SECONDS
    for path in folder.iterdir():
        with suppress(OSError), path.open("rb") as file:
            if os.fstat(file.fileno()).st_mtime < oldest:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                path.unlink()
