"""Slots: limit the active runs of one launcher folder on this machine.

A slot is a file that its run's shim locks until the run has ended. So slots are counted
correctly across launchers, processes and restarts, and none is lost in a crash. A slot's file
names its run, so the active runs are found without reading all run folders.

Slots are shared in turn, first between namespaces, then between the experiments of one: a refused
experiment waits in a queue (also a file), and a free slot is reserved for the first one in it.
First is the namespace that has got no slot for the longest time, and of its experiments the one
that has got none for the longest time. So one tenant's trials, however many, delay another's
first by the run that is to end next. An experiment that does not take its reserved slot in time, or
has not asked for long, leaves the queue.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from tunelet.core.run import Run
from tunelet.core.turns import by_group, in_turns
from tunelet.errors import Throttled

SLOT = "TUNELET_SLOT"
"""The variable with a run's slot, from 0: which GPU of this machine it may use, for example."""

WAITING_SECONDS = 15.0
"""Seconds for which a slot is reserved for an experiment that does not take it."""

ASKED_SECONDS = 1500.0
"""Seconds for which an experiment stays in the queue without asking again: more than twice the
longest time for which a sweep may skip it (`tunelet.engine.idle.LONGEST`)."""

REMEMBERED = 1024
"""The most names of which the queue's file remembers when they last got a slot."""


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


class Queue(NamedTuple):
    """The content of the queue's file."""

    waiting: tuple[Waiting, ...] = ()
    """In the order in which they get slots."""
    served: Mapping[str, int] = {}
    """When a namespace, or `namespace/experiment`, last got a slot, as a count of slots given."""

    def without(self, who: tuple[str, str]) -> "Queue":
        return self._replace(waiting=tuple(each for each in self.waiting if each.who != who))

    def giving(self, who: tuple[str, str]) -> "Queue":
        """Return the queue after `who` has got a slot."""
        turn = max(self.served.values(), default=0) + 1
        served = {**self.served, who[0]: turn, "/".join(who): turn}
        newest = sorted(served, key=served.__getitem__)[-REMEMBERED:]
        return self.without(who)._replace(served={name: served[name] for name in newest})

    def asked(self, who: tuple[str, str], now: float) -> "Queue":
        """Return the queue in which `who` waits, and has asked now."""
        known = any(each.who == who for each in self.waiting)
        waiting = self.waiting if known else (*self.waiting, Waiting(*who, now, now))
        asked = (each._replace(seen=now) if each.who == who else each for each in waiting)
        return self._replace(waiting=tuple(asked)).in_order()

    def in_order(self) -> "Queue":
        """Those with a reserved slot keep it. The others follow in turns."""
        called = [each for each in self.waiting if each.called is not None]
        others = [each for each in self.waiting if each.called is None]
        namespaces = by_group(sorted(others, key=self._turn), lambda each: each.namespace)
        return self._replace(waiting=(*called, *in_turns(namespaces.values())))

    def _turn(self, each: Waiting) -> tuple[int, int, float]:
        own = self.served.get("/".join(each.who), 0)
        return self.served.get(each.namespace, 0), own, each.since

    def calling(self, free: int, now: float) -> "Queue":
        """Return the queue in which the first `free` experiments have a slot reserved."""
        first, rest = self.waiting[:free], self.waiting[free:]
        called = (each if each.called else each._replace(called=now) for each in first)
        others = (each._replace(called=None) for each in rest)
        return self._replace(waiting=(*called, *others))


class Slot(NamedTuple):
    """A place of the launcher. It is taken as long as a process has the descriptor open."""

    number: int
    """From 0; no two active runs of the folder have the same one."""
    descriptor: int


class Slots:
    def __init__(self, folder: Path, limit: int, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._limit = limit
        self._clock = clock
        self._read: tuple[_Version | None, Queue] = None, Queue()
        """The queue as last read, and the version of its file then."""
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, run: Run) -> Slot:
        """Return the lowest slot that is free. Raises `Throttled` if none is free for this run."""
        who = run[:2]
        with self._gate(), self._free() as free:
            queue = self._queue().asked(who, self._clock())
            ahead = [each.who for each in queue.waiting].index(who)
            if len(free) > ahead:
                self._write_queue(queue.giving(who))
                os.ftruncate(free[0].descriptor, 0)
                os.pwrite(free[0].descriptor, msgspec.json.encode(run), 0)
                return free.pop(0)
            self._write_queue(queue.calling(len(free), self._clock()))
        raise Throttled(f"all {self._limit} places for processes are taken", after=1.0)

    def called(self) -> list[Waiting]:
        """Return the waiting experiments that can have a slot now."""
        if not self._queue().waiting:
            return []
        with self._gate(), self._free() as free:
            before = self._queue()
            queue = before.in_order().calling(len(free), self._clock())
            if queue != before:
                self._write_queue(queue)
            return list(queue.waiting[: len(free)])

    def runs(self) -> Iterator[Run]:
        """Yield the runs in the slots' files: all active ones, and some that have ended."""
        for index in self._existing():
            try:
                yield msgspec.json.decode((self._folder / str(index)).read_bytes(), type=Run)
            except msgspec.DecodeError:
                continue  # A launch in progress is writing it.

    @contextmanager
    def _free(self) -> Iterator[list[Slot]]:
        """Yield the free slots by number; those left in the list are released at the end.

        Slots above the limit count too: they are held by runs that were started when the
        limit was higher.
        """
        free: list[Slot] = []
        held = 0
        try:
            for index in sorted({*range(self._limit), *self._existing()}):
                slot = self._try(index)
                held += slot is None
                if slot is not None and index < self._limit:
                    free.append(Slot(index, slot))
                elif slot is not None:
                    os.close(slot)
            while free and held + len(free) > self._limit:
                os.close(free.pop().descriptor)
            yield free
        finally:
            for _, descriptor in free:
                os.close(descriptor)

    def _queue(self) -> Queue:
        """Read the queue, if its file has changed: watchers ask several times a second."""
        path = self._folder / "queue"
        try:
            version = _version(path)
            if version != self._read[0]:
                self._read = version, msgspec.json.decode(path.read_bytes(), type=Queue)
        except (FileNotFoundError, msgspec.DecodeError):
            return Queue()
        now, queue = self._clock(), self._read[1]
        waiting = (each for each in queue.waiting if _is_waited_for(each, now))
        return queue._replace(waiting=tuple(waiting))

    def _write_queue(self, queue: Queue) -> None:
        """Write the queue atomically, because a partial file would lose everyone's place."""
        new = self._folder / "queue.new"
        new.write_bytes(msgspec.json.encode(queue))
        new.replace(self._folder / "queue")
        self._read = None, Queue()

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
