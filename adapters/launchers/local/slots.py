"""Slots: how many runs may be active at a time, on this machine and for this folder.

A slot is a file, locked by the shim that has it until its run has ended. So slots count
right across launchers, processes and restarts, and none is lost in a crash. A slot's file
names its run, so the active runs are found without looking at all that ever were.

Slots go round: an experiment that was refused one waits in a queue (a file as well), and a
free slot is kept for the first in it. One that gets a slot and wants another joins again at
the end. One that does not come for a slot that is kept for it is no longer waited for, nor is one
that has not asked for long.
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
"""For so long a slot stays free for an experiment that does not come for it."""

ASKED_SECONDS = 1500.0
"""For so long an experiment is in the queue without asking again: more than twice as long as a
sweep may leave it out (`tunelet.engine.quiet.LONGEST`)."""


class Waiting(NamedTuple):
    """An experiment that was refused a slot."""

    namespace: str
    experiment: str
    since: float
    seen: float
    """When it asked last."""
    called: float | None = None
    """Since when a slot is kept for it."""

    @property
    def who(self) -> tuple[str, str]:
        return self.namespace, self.experiment


class Slots:
    def __init__(self, folder: Path, limit: int, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._limit = limit
        self._clock = clock
        self._read: tuple[_Version | None, list[Waiting]] = None, []
        """The queue as it was when it was read last, and which file that was."""
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, run: Run) -> int:
        """A descriptor that holds a slot; `Throttled` if none is free for this experiment."""
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
        """Those in the queue for whom there is a slot now."""
        if not self._queue():
            return []
        with self._gate(), self._free() as free:
            before = self._queue()
            queue = self._calling(before, len(free))
            if queue != before:
                self._write_queue(queue)
            return queue[: len(free)]

    def _calling(self, queue: list[Waiting], free: int) -> list[Waiting]:
        """The queue, with since when a slot is kept for each of the first."""
        now = self._clock()
        called = [each if each.called else each._replace(called=now) for each in queue[:free]]
        others = [each._replace(called=None) if each.called else each for each in queue[free:]]
        return called + others

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
        """By since when. Watchers ask several times a second, so it is read when it has changed."""
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
        """Under another name first: a crash that cut it short would make everybody wait anew."""
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
        """One at a time, for trying a slot makes it look held to others."""
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
    """Clocks that are set back end a wait, too."""
    if each.called is not None and not 0 <= now - each.called < WAITING_SECONDS:
        return False
    return abs(now - each.seen) < ASKED_SECONDS
