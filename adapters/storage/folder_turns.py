"""Turns of the processes that write one log in the same folder.

A process that waits for its turn writes the next entry at its first try, where it otherwise often
finds that another one was first. Turns only save time: logs are correct without
them. So a process that has waited for long continues without its turn, because the process that
has it may be stopped.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from adapters.storage.root_folder import own_folder

LONGEST_WAIT = 0.1
"""Seconds after which a process continues without its turn."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.002
_FILES = 64


class FolderTurns:
    """Turns by locks on files in the folder of the store at `store_url`."""

    def __init__(self, store_url: str) -> None:
        self._folder = own_folder(store_url) / "locks"

    @contextmanager
    def __call__(self, path: str) -> Iterator[bool]:
        """Wait for the turn at the log below `path`; yields whether this process has it."""
        file = self._opened(path)
        if file is None:
            yield False
            return
        try:
            yield _locked(file)
        finally:
            # A process that was forked meanwhile has the file open, too, and would keep the lock.
            fcntl.flock(file, fcntl.LOCK_UN)
            os.close(file)

    def _opened(self, path: str) -> int | None:
        lock = self._folder / f"turn-{crc32(path.encode()) % _FILES:02d}"
        try:
            return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return None


def _locked(file: int) -> bool:
    until, pause = time.monotonic() + LONGEST_WAIT, _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until:
                return False
        else:
            return True
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
