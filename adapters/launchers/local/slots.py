"""Slots: limit the active runs of one launcher folder on this machine.

A slot is a file that its run's shim locks until the run has ended. So slots are counted
correctly across launchers, processes and restarts, and none is lost in a crash. A slot's file
names its run, so the active runs are found without reading all run folders.

Slots are shared in turn: a refused experiment waits in a queue (also a file), and a free slot
is reserved for the first one in it. An experiment that gets a slot and wants another joins again
at the end. One that does not take its reserved slot in time, or has not asked for long, leaves
the queue.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from tunelet.core.run import Run
from tunelet.errors import Throttled

WAITING_SECONDS = 15.0
"""Seconds for which a slot is reserved for an experiment that does not take it."""

ASKED_SECONDS = 1500.0
"""Seconds for which an experiment stays in the queue without asking again: more than twice the
longest time for which a sweep may skip it (`tunelet.engine.idle.LONGEST`)."""


class Waiting(NamedTuple):
    """An experiment that was refused a slot."""

    namespace: str
    experiment: str
    since: float
    seen: float
    """The time of its last request."""
    called: float | None = None
    """The time since which a slot is reserved for it."""

    @property
    def who(self) -> tuple[str, str]:
        return self.namespace, self.experiment


class Slots:
    def __init__(self, folder: Path, limit: int, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._limit = limit
        self._clock = clock
        self._read: tuple[_Version | None, list[Waiting]] = None, []
        """The queue as last read, and the version of its file then."""
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, run: Run) -> int:
        """Return a descriptor that holds a slot. Raises `Throttled` if none is free for it."""
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
            self._write_queue(self._calling(queue, len(free)))
        raise Throttled(f"all {self._limit} places for processes are taken", after=1.0)

    def called(self) -> list[Waiting]:
        """Return the waiting experiments that can have a slot now."""
        if not self._queue():
            return []
        with self._gate(), self._free() as free:
            before = self._queue()
            queue = self._calling(before, len(free))
            if queue != before:
                self._write_queue(queue)
            return queue[: len(free)]

    def _calling(self, queue: list[Waiting], free: int) -> list[Waiting]:
        """Return the queue, in which the first `free` experiments have a slot reserved."""
        now = self._clock()
        called = [each if each.called else each._replace(called=now) for each in queue[:free]]
        others = [each._replace(called=None) if each.called else each for each in queue[free:]]
        return called + others

    def runs(self) -> Iterator[Run]:
        """Yield the runs in the slots' files: all active ones, and some that have ended."""
        for index in self._existing():
            try:
                yield msgspec.json.decode((self._folder / str(index)).read_bytes(), type=Run)
            except msgspec.DecodeError:
                continue  # A launch in progress is writing it.

    @contextmanager
    def _free(self) -> Iterator[list[int]]:
        """Yield descriptors of the free slots; those left in the list are released at the end.

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
        """Read the queue, if its file has changed: watchers ask several times a second."""
        path = self._folder / "queue"
        try:
            version = _version(path)
            if version != self._read[0]:
                self._read = version, msgspec.json.decode(path.read_bytes(), type=list[Waiting])
        except (FileNotFoundError, msgspec.DecodeError):
            return []
        now = self._clock()
        return [each for each in self._read[1] if _is_waited_for(each, now)]

    def _write_queue(self, queue: list[Waiting]) -> None:
        """Write the queue atomically, because a partial file would lose everyone's place."""
        new = self._folder / "queue.new"
        new.write_bytes(msgspec.json.encode(queue))
        new.replace(self._folder / "queue")
        self._read = None, []

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
        """Let one process at a time try slots: a slot that is being tried looks held to others."""
        gate = os.open(self._folder / "gate", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield
        finally:
            os.close(gate)


_Version = tuple[int, int, int]


def _version(path: Path) -> _Version:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _is_waited_for(each: Waiting, now: float) -> bool:
    """Whether the experiment still counts as waiting. A clock that is set back ends the wait."""
    if each.called is not None and not 0 <= now - each.called < WAITING_SECONDS:
        return False
    return abs(now - each.seen) < ASKED_SECONDS
