"""The commit protocol: how one process adds to an experiment's log.

Any number of processes may do so at the same time. A process that finds another's entry at the
next number (tunelet.log.writer) folds that entry and decides again. Commands that arrive
while an entry is being written share the next one (tunelet.log.group_commit); where processes
contend, one commits for all (tunelet.log.inbox).
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import chain, count

from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.installation import Installation
from tunelet.errors import CommitUnknown, Reject, Retry
from tunelet.log.compaction import Head
from tunelet.log.entry import Damaged
from tunelet.log.group_commit import Caller, decided, resolve
from tunelet.log.inbox import Inbox, Order, may_wait
from tunelet.log.parallel import both
from tunelet.log.read_ahead import ReadAhead
from tunelet.log.shared_turn import Turns
from tunelet.log.tail import Tail
from tunelet.log.writer import Writer
from tunelet.ports import ProcessTurns, Store

GROUP = 256
"""The most callers that share one entry. Bounds the entry's size."""

LOST_RACES = 2
"""A process that loses this many entries in a row assumes that there are many writers."""

CROWDED_SECONDS = 5.0
"""Seconds for which a process uses the inbox at once after it met other writers."""

LOOK_EVERY = 8
"""The writer of every entry with a multiple of this number reads the inbox first, so that a process
that wins every entry cannot starve the others."""

MANY = 12
"""With more batches for an entry, a writer waits for the inbox before it writes the next one."""

SLOW_SECONDS = 0.005
"""Where a write takes less, reading the inbox takes less than the thread that would read ahead."""

TURN = 4.0
"""A batch waits as long as this many writes take, for each batch older than itself."""

LONGEST_WAIT = 2.0
"""The most seconds that a batch waits, however many are older."""


class Committer:
    """Adds entries to the log at `path`, for all threads of a process. `tail` reads that log.

    `deadline` is the number of seconds for which a commit tries to learn its outcome; `by` is the
    process's installation. Reads and commits share `turns`.
    """

    def __init__(
        self,
        store: Store,
        path: str,
        tail: Tail,
        turns: Turns,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        deadline: float,
        by: Installation,
        process_turns: ProcessTurns | None,
    ) -> None:
        self._path = path
        self._tail = tail
        self._turns = turns
        self._clock = clock
        self._sleep = sleep
        self._deadline = deadline
        self._by = by
        self._process_turns = process_turns
        self._alone = False
        """Whether this process has its turn."""
        self._lost_at = -math.inf
        """When another process last wrote the entry that this one tried to write."""
        self._inbox = Inbox(store, path)
        self._waiting: deque[Caller] = deque()
        self._crowded_until = 0.0
        self._writer = Writer(store, path, tail, sleep)
        self._ahead = ReadAhead(self._read_inbox)
        self._arrivals = 0
        """The batches that were read for the last entry."""

    def commit(self, commands: Sequence[Command], uid: str | None) -> Experiment:
        """Put the commands into the log, in one entry; see `Journal.commit`."""
        caller = Caller(commands, uid, self._by)
        self._waiting.append(caller)
        with self._turns.unless(lambda: caller.done) as mine:
            while mine and not caller.done:
                self._commit_waiting()
        if caller.error is not None:
            raise caller.error
        assert caller.after is not None
        return caller.after

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait briefly for this process's turn, before a step that reads and then commits."""
        turns = self._process_turns
        with turns(self._path) if turns is not None else nullcontext(False) as alone:
            self._alone = alone
            try:
                yield
            finally:
                self._alone = False

    def leads_alone(self, head: Head) -> bool:
        """Whether this process wrote the head's entry, and no other seems to write."""
        lately = time.monotonic() < self._lost_at + CROWDED_SECONDS
        return not lately and self._writer.leads(head)

    @property
    def leads_many(self) -> bool:
        """Whether this process wrote the newest known entry, and others wait to write theirs."""
        head = self._tail.head
        return self._crowded and head is not None and self._writer.leads(head)

    @property
    def _crowded(self) -> bool:
        """Whether it met other writers a moment ago, and does not have its turn among them."""
        return not self._alone and time.monotonic() < self._crowded_until

    def _commit_waiting(self) -> None:
        """Commit for the callers that have waited longest."""
        callers = [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
        try:
            self._commit_group(callers)
        except BaseException as error:
            if isinstance(error, Damaged):
                self._tail.forget()
            # No caller must wait for a thread that is being ended.
            fault = error if isinstance(error, Exception) else Retry("the service is being ended")
            for caller in callers:
                if not caller.done:
                    caller.error, caller.done = fault, True
            if not isinstance(error, Exception):
                raise
        self._tail.settle()

    def _commit_group(self, callers: list[Caller]) -> None:
        until = time.monotonic() + self._deadline
        fresh, lost = self._tail.head is None, 0
        for tries in count():
            head = self._tail.advance() if fresh else self._tail.present()
            happened, settled = decided(callers, head.experiment, self._clock(), fresh)
            fresh = True
            if not settled:
                continue
            if not happened:
                break
            if lost >= LOST_RACES:
                self._met_others()
            crowded = self._crowded
            leads = self._writer.leads(head)
            if crowded and not leads and all(may_wait(c.uid, c.commands) for c in callers):
                self._commit_through_inbox(callers, until)
                break
            if batches := self._arrived(head, crowded, leads):
                written = self._write_with(batches, callers, head, until)
            else:
                written = self._writer.write(head, happened, until)
            if written:
                break
            lost, self._lost_at = lost + 1, time.monotonic()
            self._back_off(tries, until)
        resolve(callers, self._tail.present().experiment)

    def _arrived(self, head: Head, crowded: bool, leads: bool) -> dict[str, list[Caller]]:
        """Return the batches to commit with the next entry.

        A process that writes one entry after another does not wait for the inbox: it reads while it
        writes, and commits each batch an entry or two later. With many others it does wait: a
        few large entries are then sooner written, and read by all, than many small ones.
        """
        looks = crowded or (head.seq + 1) % LOOK_EVERY == 0
        slow = (self._writer.pace or 0.0) >= SLOW_SECONDS
        ahead = slow and leads and self._writer.steady and self._arrivals <= MANY
        if looks and not (ahead and not self._ahead.failed):
            batches = self._open(self._batches()) if crowded else self._read_inbox()
            self._arrivals = len(batches)
            self._ahead.succeeded()
            return batches
        batches = self._ahead.take() or {}
        self._arrivals = len(batches)
        if looks:
            self._ahead.start()
        return batches

    def _read_inbox(self) -> dict[str, list[Caller]]:
        """Read all batches, also those that their writers abandoned."""
        return self._open(self._inbox.waiting())

    def _met_others(self) -> None:
        self._crowded_until = time.monotonic() + CROWDED_SECONDS

    def _commit_through_inbox(self, callers: list[Caller], until: float) -> None:
        """Wait until others have committed the commands, or commit all batches when it is time."""
        waiting = [caller for caller in callers if caller.happened]
        orders = [self._order(caller) for caller in waiting]
        batch = self._inbox.new()
        try:
            sent = time.monotonic()
            _, batches = both(partial(self._inbox.put, batch, orders), self._batches)
            self._writer.took(time.monotonic() - sent)
            while self._follows(waiting):
                if not self._others_write(self._before(batch, batches), until):
                    batches = self._batches()
                    others = [each for each in batches if each != batch]
                    opened, head = both(partial(self._open, others), self._tail.advance)
                    if self._write_with(opened, waiting, head, until):
                        break
                if time.monotonic() >= until:
                    raise Retry("too many writers contend for this experiment")
        except (Retry, Reject) as fault:
            # From now on another process may commit the batch at any time.
            raise CommitUnknown(f"it is not known whether the change stands: {fault}") from fault
        if self._tail.taken:
            self._met_others()
        self._inbox.remove([batch])

    def _before(self, batch: str, batches: Sequence[str]) -> int:
        """Return how many writers may go first: the leader, and those with older batches."""
        taken = set(self._tail.taken)
        return sum(each < batch and each not in taken for each in batches) + 1

    def _order(self, caller: Caller) -> Order:
        experiment, by = self._tail.present().experiment, caller.by
        places = by.of(experiment).places if experiment is not None else by.places
        return Order(caller.uid or "", caller.commands, by.id, places)

    def _batches(self) -> list[str]:
        """Return the batches that no known entry has settled, oldest first."""
        taken = set(self._tail.taken)
        return [batch for batch in self._inbox.waiting() if batch not in taken]

    def _follows(self, callers: Sequence[Caller]) -> bool:
        """Whether the commands would still add events; if not, they are in the log."""
        return bool(decided(callers, self._tail.present().experiment, self._clock())[0])

    def _others_write(self, others: int, until: float) -> bool:
        """Wait while it is the turn of `others`; True as soon as one of them has written."""
        known, pace = self._tail.present(), self._writer.pace or 0.0
        until = min(until, time.monotonic() + min(others * TURN * pace, LONGEST_WAIT))
        while time.monotonic() < until:
            self._sleep(pace)
            if self._tail.advance() is not known:
                return True
        return False

    def _open(self, batches: Sequence[str]) -> dict[str, list[Caller]]:
        """Read the batches: the callers in each, by the batch's name."""
        found = self._inbox.open(batches)
        return {
            batch: [
                Caller(order.commands, order.uid, Installation(order.by, order.places))
                for order in orders
            ]
            for batch, orders in found.items()
        }

    def _write_with(
        self,
        batches: dict[str, list[Caller]],
        callers: list[Caller],
        head: Head,
        until: float,
    ) -> bool:
        """Commit callers and batches in one entry; False if another process wrote that entry."""
        others = {k: each for k, each in batches.items() if k not in self._tail.taken}
        if others:
            self._met_others()
        everybody = [*callers, *chain.from_iterable(others.values())]
        happened, _ = decided(everybody, head.experiment, self._clock())
        if happened and not self._writer.write(head, happened, until, tuple(others)):
            return False
        done = [k for k in batches if k not in others or not any(c.happened for c in others[k])]
        self._inbox.remove(done)
        return True

    def _back_off(self, tries: int, until: float) -> None:
        if time.monotonic() >= until:
            raise Retry("too many writers contend for this experiment; send it again")
        if tries > 1:
            self._writer.wait(tries - 2)
