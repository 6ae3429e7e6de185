"""Slots: how many runs may be active at a time, on this machine and for this folder.

A slot is a file, locked by the shim that has it until its run has ended. So slots count
right across launchers, processes and restarts, and none is lost in a crash. A slot's file
names its run, so the active runs are found without looking at all that ever were.

Slots go round: an experiment that was refused one waits in a queue (a file as well), and a
free slot is kept for the first in it. One that gets a slot and wants another joins again at
the end. One that has not asked for some time is no longer waited for.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from tunelet.errors import Retry
from tunelet.ports import Run

WAITING_SECONDS = 15.0
"""For so long a slot stays free for an experiment that does not come for it."""


class Waiting(NamedTuple):
    """An experiment that was refused a slot."""

    namespace: str
    experiment: str
    since: float
    seen: float
    """When it asked last."""

    @property
    def who(self) -> tuple[str, str]:
        return self.namespace, self.experiment


class Slots:
    def __init__(self, folder: Path, limit: int, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._limit = limit
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, run: Run) -> int:
        """A descriptor that holds a slot; `Retry` if none is free for this experiment."""
        who = run[:2]
        with self._gate(), self._free() as free:
            queue = self._queue()
            names = [each.who for each in queue]
            ahead = names.index(who) if who in names else len(names)
            if len(free) > ahead:
                self._write_queue([each for each in queue if each.who != who])
                os.ftruncate(free[0], 0)
                os.pwrite(free[0], msgspec.json.encode(run), 0)
                return free.pop(0)
            now = self._clock()
            since = queue[ahead].since if who in names else now
            queue[ahead : ahead + 1] = [Waiting(*who, since, now)]
            self._write_queue(queue)
        raise Retry(f"all {self._limit} places for processes are taken", after=1.0)

    def called(self) -> list[Waiting]:
        """Those in the queue for whom there is a slot now."""
        if not self._queue():
            return []
        with self._gate(), self._free() as free:
            return self._queue()[: len(free)]

    def runs(self) -> Iterator[Run]:
        """The runs that had the slots last: all that are active, and some that have ended."""
        for index in self._existing():
            try:
                yield msgspec.json.decode((self._folder / str(index)).read_bytes(), type=Run)
            except msgspec.DecodeError:
                continue  # Being written at this moment, by a launch that has not happened yet.

    @contextmanager
    def _free(self) -> Iterator[list[int]]:
        """Descriptors of the slots that can be taken; those left in the list are given back.

        Slots above the limit count too: they are held by runs that were started when the
        limit was higher.
        """
        free: list[int] = []
        held = 0
        try:
            for index in sorted({*range(self._limit), *self._existing()}):
                slot = self._try(index)
                held += slot is None
                if slot is not None and index < self._limit:
                    free.append(slot)
                elif slot is not None:
                    os.close(slot)
            while free and held + len(free) > self._limit:
                os.close(free.pop())
            yield free
        finally:
            for slot in free:
                os.close(slot)

    def _queue(self) -> list[Waiting]:
        """By since when; one that a crash cut short is as good as none."""
        try:
            data = (self._folder / "queue").read_bytes()
            queue = msgspec.json.decode(data, type=list[Waiting])
        except (FileNotFoundError, msgspec.DecodeError):
            return []
        now = self._clock()
        return [each for each in queue if abs(now - each.seen) < WAITING_SECONDS]

    def _write_queue(self, queue: list[Waiting]) -> None:
        (self._folder / "queue").write_bytes(msgspec.json.encode(queue))

    def _existing(self) -> list[int]:
        return [int(name) for name in os.listdir(self._folder) if name.isdigit()]

    def _try(self, index: int) -> int | None:
        slot = os.open(self._folder / str(index), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(slot)
            return None
        except OSError:
            os.close(slot)
            raise
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
