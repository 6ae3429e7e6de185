"""The commit protocol: one experiment's log over a `Store`, as seen by one process.

    read    fold the newest snapshot and the entries after it
    commit  decide, and create the next entry only if it is absent

Any number of processes may do so at the same time. One that finds another's entry where it would
have written its own (tunelet.log.writer) folds that entry and decides again. Commands that arrive
while an entry is being written share the next one (tunelet.log.group_commit); where processes
contend, one writes for all (tunelet.log.inbox).

Snapshots and segments are derived (tunelet.log.compaction): losing any costs time only.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, count

from tunelet.core.commands import Command
from tunelet.core.experiment import DELETED, Experiment
from tunelet.core.installation import ANY, Installation
from tunelet.core.trial import Trial
from tunelet.errors import CommitUnknown, NotFound, Reject, Retry
from tunelet.log.compaction import Head, TrialReader
from tunelet.log.entry import Damaged
from tunelet.log.group_commit import Caller, decided, resolve
from tunelet.log.inbox import Inbox, Order, may_wait
from tunelet.log.parallel import both
from tunelet.log.purge import lives_with_files, remains, remove
from tunelet.log.reader import mark_purged
from tunelet.log.segment_cache import Recent
from tunelet.log.tail import PURGE_AFTER, Tail
from tunelet.log.turns import Turns
from tunelet.log.writer import Writer
from tunelet.ports import Store

GROUP = 256
"""At most so many callers share an entry, which bounds its size."""

LOST = 2
"""A process that loses so many slots in a row is one of many writers, and not only late."""

CROWDED_SECONDS = 5.0
"""For so many seconds after it met other writers, a process uses the inbox at once."""

LOOK_EVERY = 8
"""Whoever writes an entry whose number is a multiple of this looks into the inbox first, so that
a process that wins every slot cannot starve the others."""

TURN = 4.0
"""A letter waits for as long as so many writes take for each letter that is older than it."""

LONGEST_WAIT = 2.0
"""Seconds that a letter waits at most, however many are older."""


class Journal:
    """The log of one experiment. Threads may share one.

    `deadline` is the number of seconds for which a commit tries to learn its outcome; `recent` is
    what the journals of this process share; `by` is the installation of the process.
    """

    def __init__(
        self,
        store: Store,
        namespace: str,
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        deadline: float = 20.0,
        recent: Recent | None = None,
        by: Installation = ANY,
    ) -> None:
        self.path = f"v1/{namespace}/{name}/"
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._deadline = deadline
        self._by = by
        self._tail = Tail(store, self.path, clock, recent or Recent())
        self._inbox = Inbox(store, self.path)
        self._turns = Turns()
        self._waiting: deque[Caller] = deque()
        self._crowded_until = 0.0
        self._writer = Writer(store, self.path, self._tail, sleep)

    def known(self) -> Experiment | None:
        """The state as it was when this process looked last; None if it never did."""
        head = self._tail.head
        return head.experiment if head is not None else None

    @property
    def seq(self) -> int:
        """The number of the newest entry that this process has seen."""
        head = self._tail.head
        return head.seq if head is not None else 0

    def peek(self) -> Experiment | None:
        """The state now, also of a deleted experiment; None if there never was one."""
        return self._now().experiment

    def read(self) -> Experiment:
        """The state now. Raises `NotFound` if the experiment does not exist."""
        return _existing(self.peek())

    def history(self, after: int = -1) -> tuple[Experiment, Iterator[Trial]]:
        """The state now, and the trials that have left it, those with numbers above `after`."""
        experiment, left = self.moment()
        return experiment, left(after)

    def moment(self) -> tuple[Experiment, TrialReader]:
        """The state now, and what reads the trials that have left it. Raises `NotFound`."""
        head = self._now()
        left = partial(self._tail.segments.trials, head.segments)
        return _existing(head.experiment), left

    def commit(self, *commands: Command, uid: str | None = None) -> Experiment:
        """Put the commands into the log, in one entry, and return the state after it.

        With `uid` they are meant for that life of the experiment's name and for no other.
        Raises what `decide` raises, and then none of the commands stands; `CommitUnknown` if
        the deadline passed in doubt; `Damaged` if the log is broken.
        """
        caller = Caller(commands, uid, self._by)
        self._waiting.append(caller)
        with self._turns.unless(lambda: caller.done) as mine:
            while mine and not caller.done:
                self._commit_waiting()
        if caller.error is not None:
            raise caller.error
        assert caller.after is not None
        return caller.after

    def purge(self) -> bool:
        """Remove what is left of deleted lives, but for the newest tombstone.

        The tombstone stays, so that a later experiment of the same name goes on behind it,
        where no writer that was stalled meanwhile can do harm. False: it is too early, or
        more is left than one call may take the time for.
        """
        lives = set(lives_with_files(self._store, self.path))
        head = self._now()
        if head.tombstone is None:
            return True
        if self._clock() < head.tombstone.at + PURGE_AFTER:
            return False
        if head.experiment is not None and head.experiment.state != DELETED:
            lives.discard(head.experiment.uid)
        mark_purged(self._store, self.path, head.tombstone.seq)
        return remove(self._store, remains(self._store, self.path, head.tombstone.seq, lives))

    def _now(self) -> Head:
        """The log's end as of this call or later. Threads that wait together share one look."""
        asked = self._tail.now()
        head: Head | None = None
        while head is None:
            with self._turns.unless(lambda: self._tail.seen_since(asked)) as mine:
                if mine:
                    self._tail.advance()
                    self._tail.settle()
                head = self._tail.head
        return head

    def _commit_waiting(self) -> None:
        """Commit for those that have waited longest."""
        callers = [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
        try:
            self._commit_group(callers)
        except BaseException as error:
            if isinstance(error, Damaged):
                self._tail.forget()
            # Whoever waits must not wait for a thread that is being ended.
            told = error if isinstance(error, Exception) else Retry("the service is being ended")
            for caller in callers:
                if not caller.done:
                    caller.error, caller.done = told, True
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
            if lost >= LOST:
                self._met_others()
            crowded = time.monotonic() < self._crowded_until
            leads = self._writer.leads(head)
            if crowded and not leads and all(may_wait(c.uid, c.commands) for c in callers):
                self._commit_by_letter(callers, until)
                break
            letters: Sequence[str] = ()
            if crowded:
                letters = self._letters()
            elif (head.seq + 1) % LOOK_EVERY == 0:
                letters = self._inbox.waiting()  # with those that their writers left behind
            if letters:
                written = self._write_with(self._open(letters), callers, head, until)
            else:
                written = self._writer.write(head, happened, until)
            if written:
                break
            lost += 1
            self._back_off(tries, until)
        resolve(callers, self._tail.present().experiment)

    def _met_others(self) -> None:
        self._crowded_until = time.monotonic() + CROWDED_SECONDS

    def _commit_by_letter(self, callers: list[Caller], until: float) -> None:
        """Wait until others have written the commands, or write all letters when it is time."""
        waiting = [caller for caller in callers if caller.happened]
        orders = [self._order(caller) for caller in waiting]
        letter = self._inbox.new()
        try:
            sent = time.monotonic()
            _, letters = both(partial(self._inbox.put, letter, orders), self._letters)
            self._writer.took(time.monotonic() - sent)
            while self._follows(waiting):
                others = [each for each in letters if each != letter]
                before = sum(each < letter for each in others) + 1
                if not self._others_write(before, until):
                    opened, head = both(partial(self._open, others), self._tail.advance)
                    if self._write_with(opened, waiting, head, until):
                        break
                    if time.monotonic() >= until:
                        raise Retry("too many writers contend for this experiment")
                letters = self._letters()
        except (Retry, Reject) as fault:
            # From now on the letter may be opened at any time.
            raise CommitUnknown(f"it is not known whether the change stands: {fault}") from fault
        if self._tail.taken:
            self._met_others()
        self._inbox.remove([letter])

    def _order(self, caller: Caller) -> Order:
        experiment, by = self._tail.present().experiment, caller.by
        places = by.of(experiment).places if experiment is not None else by.places
        return Order(caller.uid or "", caller.commands, by.id, places)

    def _letters(self) -> list[str]:
        """Letters that nobody is known to have opened, oldest first."""
        taken = set(self._tail.taken)
        return [letter for letter in self._inbox.waiting() if letter not in taken]

    def _follows(self, callers: Sequence[Caller]) -> bool:
        """Whether anything still follows from their commands; if not, they are in the log."""
        return bool(decided(callers, self._tail.present().experiment, self._clock())[0])

    def _others_write(self, others: int, until: float) -> bool:
        """Wait while it is the turn of so many others; True as soon as one of them has written."""
        known, pace = self._tail.present(), self._writer.pace or 0.0
        until = min(until, time.monotonic() + min(others * TURN * pace, LONGEST_WAIT))
        while time.monotonic() < until:
            self._sleep(pace)
            if self._tail.advance() is not known:
                return True
        return False

    def _open(self, letters: Sequence[str]) -> dict[str, list[Caller]]:
        """What stands in the letters, by letter."""
        found = self._inbox.open(letters)
        return {
            letter: [
                Caller(order.commands, order.uid, Installation(order.by, order.places))
                for order in orders
            ]
            for letter, orders in found.items()
        }

    def _write_with(
        self,
        letters: dict[str, list[Caller]],
        callers: list[Caller],
        head: Head,
        until: float,
    ) -> bool:
        """Write the callers' commands and the letters' in one entry; False if another's stands."""
        others = {k: each for k, each in letters.items() if k not in self._tail.taken}
        if others:
            self._met_others()
        everybody = [*callers, *chain.from_iterable(others.values())]
        happened, _ = decided(everybody, head.experiment, self._clock())
        if happened and not self._writer.write(head, happened, until, tuple(others)):
            return False
        done = [k for k in letters if k not in others or not any(c.happened for c in others[k])]
        self._inbox.remove(done)
        return True

    def _back_off(self, tries: int, until: float) -> None:
        if time.monotonic() >= until:
            raise Retry("too many writers contend for this experiment; send it again")
        if tries > 1:
            self._writer.wait(tries - 2)


def _existing(experiment: Experiment | None) -> Experiment:
    if experiment is None or experiment.state == DELETED:
        raise NotFound("there is no such experiment")
    return experiment
