"""Locks that prove that a process which used a folder's store is dead.

A process holds a lock on its own file in the folder, and the kernel releases it when the process
ends in any way. The file names the machine's boot: a lock of another machine, or from before a
restart, proves nothing. If trainings outlive the process, the file names their folder, too: while
any of them runs, the process does not count as dead, because a user may start it again.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO
from urllib.parse import urlsplit

from adapters.storage.root_folder import own_folder

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_KEPT_SECONDS = 7 * 24 * 3600.0
"""Older files of dead processes are removed. Until then they prove to others what was lost."""

Dead = Callable[[str], bool]
"""Whether the process with this installation's id is certainly dead."""


@contextmanager
def locked(store_url: str, installation: str, runs: Path | None = None) -> Iterator[Dead]:
    """Hold the lock of this process; yields a function that tells whether another one is dead.

    `runs` is the folder of a launcher with trainings that outlive the process. In a bucket, or if
    the machine's boot is not known, no process counts as dead: leases decide.
    """
    boot = _boot()
    if urlsplit(store_url).scheme != "file" or not boot:
        yield lambda _: False
        return
    folder = own_folder(store_url) / "processes"
    with ExitStack() as stack:
        # If the folder has no locks, or the disk is full, others wait for the lease instead.
        with suppress(OSError):
            stack.enter_context(_held(folder, installation, _text(boot, runs)))
        try:
            yield lambda other: _dead(folder / other, boot)
        finally:
            if runs is not None and _any_runs(runs):
                # The user may start the process again when these trainings have ended.
                (folder / installation).unlink(missing_ok=True)


def dead_in(store_url: str) -> Dead:
    """Return what `locked` yields, without a lock of one's own."""
    boot = _boot()
    if urlsplit(store_url).scheme != "file" or not boot:
        return lambda _: False
    folder = own_folder(store_url) / "processes"
    return lambda other: _dead(folder / other, boot)


def _text(boot: bytes, runs: Path | None) -> bytes:
    return boot if runs is None else boot + b"\n" + os.fsencode(runs.absolute())


def _held(folder: Path, installation: str, text: bytes) -> BinaryIO:
    folder.mkdir(mode=0o700, exist_ok=True)
    _clean(folder)
    # The file gets its name once it is locked, so no process sees it unlocked.
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
