"""The commit protocol: one experiment's log over a `Store`, as seen by one process.

    read    fold the newest snapshot and the entries after it
    commit  decide, and create the next entry only if it is absent

Any number of processes may do so at the same time. What makes it exact is that an
entry's bytes are fixed before the first try and unlike any other's: after a doubtful
answer the writer reads the key and finds its own bytes (won), other bytes (lost: fold
them and decide again) or nothing (send the same bytes to the same key). Commands that
arrive while an entry is being written share the next one (group commit).

Snapshots and segments are derived (tunelet.history): losing any costs time only.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from uuid import uuid4

from tunelet.chain import begins, entry_key, heads, origin, stands
from tunelet.commands import Command
from tunelet.decide import decide
from tunelet.entry import FORMAT, Damaged, Entry, decode, encode
from tunelet.errors import CommitUnknown, NotFound, Retry, TuneletError
from tunelet.events import Event
from tunelet.experiment import DELETED, Experiment, evolve_all
from tunelet.history import Head, follow
from tunelet.ports import Store, Stored
from tunelet.segments import Segments
from tunelet.trial import Trial

GROUP = 256
"""At most so many callers share an entry, which bounds its size."""

PURGES = 5
"""At most so many purges are met in one read: more are not one user's doing."""


class _Caller:
    """One thread's commands on their way into the log, and what became of them."""

    def __init__(self, commands: tuple[Command, ...], uid: str | None) -> None:
        self.commands = commands
        self.uid = uid
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
        self._head: Head | None = None
        self._known = Head()
        """The newest head of which it is known that no purge had reached it."""
        self._turn = threading.RLock()
        self._waiting: deque[_Caller] = deque()
        self._segments = Segments(store, self.path)

    def peek(self) -> Experiment | None:
        """The state now, also of a deleted experiment; None if there never was one."""
        with self._turn:
            experiment = self._tail().experiment
            self._segments.settle()
        return experiment

    def read(self) -> Experiment:
        """The state now. Raises `NotFound` if the experiment does not exist."""
        return _existing(self.peek())

    def history(self, after: int = -1) -> tuple[Experiment, Iterator[Trial]]:
        """The state now, and the trials that have left it, by number from behind `after`."""
        with self._turn:
            head = self._tail()
            trials = self._segments.trials(head.segments, after)
        return _existing(head.experiment), trials

    def commit(self, *commands: Command, uid: str | None = None) -> Experiment:
        """Put the commands into the log, in one entry, and return the state after it.

        With `uid` they are meant for that life of the experiment's name and for no other.
        Raises what `decide` raises, and then none of the commands stands; `CommitUnknown` if
        the deadline passed in doubt; `Damaged` if the log is broken.
        """
        caller = _Caller(commands, uid)
        self._waiting.append(caller)
        with self._turn:
            while not caller.done:
                self._commit_waiting()
        if caller.error is not None:
            raise caller.error
        assert caller.after is not None
        return caller.after

    def purge(self) -> None:
        """Remove everything of a deleted experiment but its tombstone.

        The tombstone and its snapshot stay, so that a later experiment of the same name
        goes on behind them, where no writer that was stalled meanwhile can do harm.
        """
        with self._turn:
            head = self._tail()
            if head.experiment is None or head.experiment.state != DELETED:
                return
            kept = {self._segments.keep_tombstone(head), entry_key(self.path, head.seq)}
            found = list(self._store.list(self.path))
            if self._tail().seq > head.seq:
                return  # a new life began, and some of what was found may be its own
            for key in found:
                if key not in kept:
                    self._store.delete(key)  # upwards, on which `stands` relies

    def _commit_waiting(self) -> None:
        """Commit for those that have waited longest."""
        callers = [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
        try:
            self._commit_group(callers)
        except BaseException as error:
            self._head = None
            # Whoever waits must not wait for a thread that is being ended.
            told = error if isinstance(error, Exception) else Retry("the service is being ended")
            for caller in callers:
                if not caller.done:
                    caller.error, caller.done = told, True
            if not isinstance(error, Exception):
                raise
        self._segments.settle()

    def _commit_group(self, callers: list[_Caller]) -> None:
        until = time.monotonic() + self._deadline
        fresh = self._head is None
        for tries in count():
            head = self._tail() if self._head is None or tries else self._head
            happened, settled = self._decide(callers, head.experiment, fresh)
            if settled:
                if not happened or self._append(head, happened, until):
                    after = self._head.experiment if self._head else None
                    _resolve(callers, after)
                    return
                self._back_off(tries, until)
            fresh = True

    def _decide(
        self, callers: list[_Caller], experiment: Experiment | None, fresh: bool
    ) -> tuple[list[Event], bool]:
        """Events of all callers in turn. Not settled if one's answer needs a fresh state."""
        now = self._clock()
        happened: list[Event] = []
        for caller in callers:
            caller.error = None
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
                happened += own
                experiment = state
        return happened, True

    def _append(self, head: Head, happened: list[Event], until: float) -> bool:
        """Try to write the next entry. True: it stands. False: another's stands there."""
        entry = Entry(
            format=FORMAT,
            seq=head.seq + 1,
            prev=head.sum,
            nonce=uuid4().hex[:16],
            events=tuple(happened),
        )
        data, _ = encode(entry)
        try:
            entry, total = decode(data, entry.seq, head.sum)  # as all others will read it
        except Damaged as error:
            raise ValueError(f"this cannot stand in a log: {error}") from error
        key = entry_key(self.path, entry.seq)
        if not self._create(key, data, until):
            return False
        if not self._confirmed(head, total, until):
            self._store.delete(key)
            self._forget()
            return False
        self._head, closed = follow(head, entry, total)
        self._known = self._head
        if closed is not None:
            self._segments.closed(closed, own=True)
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

    def _confirmed(self, head: Head, total: str, until: float) -> bool:
        """The entry just written follows `head` in the log, and not in what is left of it."""
        for tries in count():
            try:
                if head.seq == 0:
                    return begins(self._store, self.path, total)
                return stands(self._store, self.path, head)
            except Retry as fault:
                if time.monotonic() >= until:
                    raise CommitUnknown(f"the change may have come too late: {fault}") from fault
                self._wait(tries, fault.after)
        raise AssertionError("unreachable")

    def _look(self, key: str) -> Stored | None:
        try:
            return self._store.get(key)
        except Retry:
            return None

    def _back_off(self, tries: int, until: float) -> None:
        if time.monotonic() >= until:
            raise Retry("too many writers contend for this experiment; send it again")
        if tries > 1:
            self._wait(tries - 2, None)

    def _wait(self, tries: int, after: float | None) -> None:
        self._sleep(after or random.uniform(0, min(2.0, 0.01 * 2 ** min(tries, 10))))

    def _tail(self) -> Head:
        """Fold what others have written since."""
        for _ in range(PURGES):
            if self._head is None or self._head.seq == 0:
                start = self._segments.newest() or origin(self._store, self.path)
                self._head = self._known = start
            for head, closed in heads(self._store, self.path, self._head):
                self._head = head
                if self._known.seq == 0:
                    self._known = head
                if closed is not None:
                    self._segments.closed(closed, own=False)
            if self._head.seq == 0 or stands(self._store, self.path, self._known):
                self._known = self._head
                return self._head
            self._forget()
        raise Retry("the experiment is being deleted; send it again")

    def _forget(self) -> None:
        """The log was purged behind what is known of it: begin anew."""
        self._head = None
        self._segments = Segments(self._store, self.path)


def _existing(experiment: Experiment | None) -> Experiment:
    if experiment is None or experiment.state == DELETED:
        raise NotFound("there is no such experiment")
    return experiment


def _resolve(callers: list[_Caller], after: Experiment | None) -> None:
    for caller in callers:
        caller.after, caller.done = after, True
