"""Slots: how many runs may be active at a time, on this machine and for this folder.

A slot is a file, locked by the shim that has it until its run has ended. So slots count
right across launchers, processes and restarts, and none is lost in a crash. A slot's file
names its run, so the active runs are found without looking at all that ever were.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tunelet.errors import Retry
from tunelet.ports import Run


class Slots:
    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, run: Run) -> int:
        """A descriptor that holds a slot; `Retry` if none is free.

        Slots above the limit count too: they are held by runs that were started when the
        limit was higher.
        """
        held = 0
        free: int | None = None
        with self._gate():
            for index in sorted({*range(self._limit), *self._existing()}):
                slot = self._try(index)
                if slot is None:
                    held += 1
                elif free is None and index < self._limit:
                    free = slot
                else:
                    os.close(slot)
            if free is not None and held < self._limit:
                os.ftruncate(free, 0)
                os.pwrite(free, msgspec.json.encode(run), 0)
                return free
        if free is not None:
            os.close(free)
        raise Retry(f"all {self._limit} places for processes are taken", after=1.0)

    def runs(self) -> Iterator[Run]:
        """The runs that had the slots last: all that are active, and some that have ended."""
        for index in self._existing():
            try:
                yield msgspec.json.decode((self._folder / str(index)).read_bytes(), type=Run)
            except msgspec.DecodeError:
                continue  # Being written at this moment, by a launch that has not happened yet.

    def _existing(self) -> list[int]:
        return [int(name) for name in os.listdir(self._folder) if name.isdigit()]

    def _try(self, index: int) -> int | None:
        slot = os.open(self._folder / str(index), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(slot)
            return None
        return slot

    @contextmanager
    def _gate(self) -> Iterator[None]:
        """One at a time, for trying a slot makes it look held to others."""
        gate = os.open(self._folder / "gate", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield
        finally:
            os.close(gate)
