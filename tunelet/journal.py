"""The commit protocol: one experiment's log over a `Store`, as seen by one process.

    read    fold the newest snapshot and the entries after it
    commit  decide, and create the next entry only if it is absent

Any number of processes may do so at the same time. What makes it exact is that an
entry's bytes are fixed before the first try and unlike any other's: after a doubtful
answer the writer reads the key and finds its own bytes (won), other bytes (lost: fold
them and decide again) or nothing (send the same bytes to the same key). Commands that
arrive while an entry is being written share the next one (group commit); where processes
contend, one writes for all (tunelet.inbox).

Snapshots and segments are derived (tunelet.history): losing any costs time only.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, count
from uuid import uuid4

from tunelet.chain import entry_key, mark_purged
from tunelet.commands import Command
from tunelet.decide import decide
from tunelet.entry import FORMAT, Damaged, Entry, decode, encode
from tunelet.errors import CommitUnknown, NotFound, Retry, TuneletError
from tunelet.events import Event
from tunelet.experiment import DELETED, Experiment, evolve_all
from tunelet.history import Head
from tunelet.inbox import Inbox, Order, may_wait
from tunelet.ports import Store, Stored
from tunelet.remains import lives_with_files, remains, remove
from tunelet.tail import PURGE_AFTER, Moment, Tail
from tunelet.together import both
from tunelet.trial import Trial
from tunelet.turns import Turns

GROUP = 256
"""At most so many callers share an entry, which bounds its size."""

LOST = 2
"""Whoever loses so many slots in a row is one of many writers, and not only late."""

CROWDED_SECONDS = 5.0
"""For so long a process that met others goes by the inbox at once."""

LOOK_EVERY = 8
"""Entries with such numbers are written by somebody who looked into the inbox, so that a
process that wins every slot cannot starve the others."""

TURN = 4.0
"""For so many writes' time a letter waits for the one before it."""

LONGEST_WAIT = 2.0

LONGEST_PACE = 0.5


class _Caller:
    """Commands on their way into the log, and what became of them."""

    def __init__(self, commands: Sequence[Command], uid: str | None) -> None:
        self.commands = tuple(commands)
        self.uid = uid
        self.happened = False
        """Events follow from the commands in the state that was looked at last."""
        self.after: Experiment | None = None
        self.error: Exception | None = None
        self.done = False


class Journal:
    """The log of one experiment. Threads may share one.

    `deadline` is the number of seconds for which a commit tries to learn its outcome.
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
    ) -> None:
        self.path = f"v1/{namespace}/{name}/"
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._deadline = deadline
        self._tail = Tail(store, self.path, clock)
        self._inbox = Inbox(store, self.path)
        self._turns = Turns()
        self._waiting: deque[_Caller] = deque()
        self._crowded_until = 0.0
        self._led = -1
        """The newest entry that this process wrote: whoever wrote the last writes the next."""
        self._pace: float | None = None
        """How long a write takes, in seconds: a moving average."""

    def known(self) -> Experiment | None:
        """The state as it was when this process looked last; None if it never did."""
        head = self._tail.head
        return head.experiment if head is not None else None

    def peek(self) -> Experiment | None:
        """The state now, also of a deleted experiment; None if there never was one."""
        return self._now().experiment

    def read(self) -> Experiment:
        """The state now. Raises `NotFound` if the experiment does not exist."""
        return _existing(self.peek())

    def history(self, after: int = -1) -> tuple[Experiment, Iterator[Trial]]:
        """The state now, and the trials that have left it, by number from behind `after`."""
        head = self._now()
        trials = self._tail.segments.trials(head.segments, after)
        return _existing(head.experiment), trials

    def commit(self, *commands: Command, uid: str | None = None) -> Experiment:
        """Put the commands into the log, in one entry, and return the state after it.

        With `uid` they are meant for that life of the experiment's name and for no other.
        Raises what `decide` raises, and then none of the commands stands; `CommitUnknown` if
        the deadline passed in doubt; `Damaged` if the log is broken.
        """
        caller = _Caller(commands, uid)
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
        """The log's end at some moment from now on. Many threads that wait share one look."""
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

    def _commit_group(self, callers: list[_Caller]) -> None:
        until = time.monotonic() + self._deadline
        fresh, lost = self._tail.head is None, 0
        for tries in count():
            head = self._tail.advance() if fresh else self._present()
            happened, settled = self._decide(callers, head.experiment, fresh)
            fresh = True
            if not settled:
                continue
            if not happened:
                break
            if lost >= LOST:
                self._met_others()
            crowded = time.monotonic() < self._crowded_until
            leads = head.seq == self._led
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
                written = self._append(head, happened, until)
            if written:
                break
            lost += 1
            self._back_off(tries, until)
        _resolve(callers, self._present().experiment)

    def _met_others(self) -> None:
        self._crowded_until = time.monotonic() + CROWDED_SECONDS

    def _commit_by_letter(self, callers: list[_Caller], until: float) -> None:
        """Wait until others have written the commands, or write all letters when it is time."""
        waiting = [caller for caller in callers if caller.happened]
        orders = [Order(caller.uid or "", caller.commands) for caller in waiting]
        letter = self._inbox.new()
        try:
            sent = time.monotonic()
            _, letters = both(partial(self._inbox.put, letter, orders), self._letters)
            self._took(time.monotonic() - sent)
            while self._decide(waiting, self._present().experiment, fresh=True)[0]:
                others = [each for each in letters if each != letter]
                before = sum(each < letter for each in others) + 1
                if not self._others_write(before, until):
                    opened, head = both(partial(self._open, others), self._tail.advance)
                    if self._write_with(opened, waiting, head, until):
                        break
                    if time.monotonic() >= until:
                        raise Retry("too many writers contend for this experiment")
                letters = self._letters()
        except Retry as fault:
            # From now on the letter may be opened at any time.
            raise CommitUnknown(f"it is not known whether the change stands: {fault}") from fault
        if self._tail.taken:
            self._met_others()
        self._inbox.remove([letter])

    def _letters(self) -> list[str]:
        """Letters that nobody is known to have opened, oldest first."""
        taken = set(self._tail.taken)
        return [letter for letter in self._inbox.waiting() if letter not in taken]

    def _others_write(self, others: int, until: float) -> bool:
        """Wait while it is the turn of so many others; True as soon as somebody writes."""
        known, pace = self._present(), self._pace or 0.0
        until = min(until, time.monotonic() + min(others * TURN * pace, LONGEST_WAIT))
        while time.monotonic() < until:
            self._sleep(pace)
            if self._tail.advance() is not known:
                return True
        return False

    def _open(self, letters: Sequence[str]) -> dict[str, list[_Caller]]:
        """What stands in the letters, by letter."""
        found = self._inbox.open(letters)
        return {
            letter: [_Caller(order.commands, order.uid) for order in orders]
            for letter, orders in found.items()
        }

    def _write_with(
        self,
        letters: dict[str, list[_Caller]],
        callers: list[_Caller],
        head: Head,
        until: float,
    ) -> bool:
        """Write the callers' commands and the letters' in one entry. False: another's stands."""
        others = {k: each for k, each in letters.items() if k not in self._tail.taken}
        if others:
            self._met_others()
        everybody = [*callers, *chain.from_iterable(others.values())]
        happened, _ = self._decide(everybody, head.experiment, fresh=True)
        if happened and not self._append(head, happened, until, tuple(others)):
            return False
        done = [k for k in letters if k not in others or not any(c.happened for c in others[k])]
        self._inbox.remove(done)
        return True

    def _decide(
        self, callers: Sequence[_Caller], experiment: Experiment | None, fresh: bool
    ) -> tuple[list[Event], bool]:
        """Events of all callers in turn. Not settled if one's answer needs a fresh state."""
        now = self._clock()
        happened: list[Event] = []
        for caller in callers:
            caller.error, caller.happened = None, False
            own: list[Event] = []
            state = experiment
            try:
                if caller.uid is not None and caller.uid != (state.uid if state else None):
                    raise NotFound("the experiment was deleted; another has its name")
                for command in caller.commands:
                    events = decide(state, command, now)
                    state = evolve_all(state, events)
                    own += events
            except TuneletError as error:
                caller.error = error
            if not fresh and (caller.error or not own):
                return [], False
            if caller.error is None:
                caller.happened = bool(own)
                happened += own
                experiment = state
        return happened, True

    def _append(
        self, head: Head, happened: list[Event], until: float, taken: tuple[str, ...] = ()
    ) -> bool:
        """Try to write the next entry. True: it stands. False: another's stands there."""
        entry = Entry(
            format=FORMAT,
            seq=head.seq + 1,
            prev=head.sum,
            nonce=uuid4().hex[:16],
            events=tuple(happened),
            taken=taken,
        )
        data, _ = encode(entry)
        try:
            entry, total = decode(data, entry.seq, head.sum)  # as all others will read it
        except Damaged as error:
            raise ValueError(f"this cannot stand in a log: {error}") from error
        key, sent = entry_key(self.path, entry.seq), self._tail.now()
        if not self._create(key, data, until):
            return False
        self._took(time.monotonic() - sent.monotonic)
        if not self._follow(entry, total, sent, until):
            self._store.delete(key)
            return False
        self._led = entry.seq
        return True

    def _create(self, key: str, data: bytes, until: float) -> bool:
        """Create the object exactly once, whatever the store answers.

        Neither "exists" nor a fault is believed: both may hide our own write.
        """
        for tries in count():
            fault = Retry("the store shows neither this entry nor another")
            try:
                if self._store.create(key, data):
                    return True
                standing = self._store.get(key)
            except Retry as error:
                fault, standing = error, self._look(key)
            if standing is not None:
                return standing.data == data
            if time.monotonic() >= until:
                raise CommitUnknown(f"it is not known whether the change stands: {fault}")
            self._wait(tries, fault.after)
        raise AssertionError("unreachable")

    def _look(self, key: str) -> Stored | None:
        try:
            return self._store.get(key)
        except Retry:
            return None

    def _follow(self, entry: Entry, total: str, sent: Moment, until: float) -> bool:
        """Build on the entry just written, unless it stands in what a purge has left."""
        for tries in count():
            try:
                return self._tail.append(entry, total, sent)
            except Retry as fault:
                if time.monotonic() >= until:
                    raise CommitUnknown(f"the change may have come too late: {fault}") from fault
                self._wait(tries, fault.after)
        raise AssertionError("unreachable")

    def _back_off(self, tries: int, until: float) -> None:
        if time.monotonic() >= until:
            raise Retry("too many writers contend for this experiment; send it again")
        if tries > 1:
            self._wait(tries - 2, None)

    def _wait(self, tries: int, after: float | None) -> None:
        self._sleep(after or random.uniform(0, min(2.0, 0.01 * 2 ** min(tries, 10))))

    def _took(self, seconds: float) -> None:
        """A write took so long."""
        self._pace = seconds if self._pace is None else 0.8 * self._pace + 0.2 * seconds
        self._pace = min(self._pace, LONGEST_PACE)

    def _present(self) -> Head:
        """The newest head known, which need not be the log's end."""
        return self._tail.head or self._tail.advance()


def _existing(experiment: Experiment | None) -> Experiment:
    if experiment is None or experiment.state == DELETED:
        raise NotFound("there is no such experiment")
    return experiment


def _resolve(callers: list[_Caller], after: Experiment | None) -> None:
    for caller in callers:
        caller.after, caller.done = after, True
