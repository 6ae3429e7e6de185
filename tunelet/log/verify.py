"""Verify that the logs in a store follow the protocol, and the objects derived from them.

It reads only the bucket and needs no service. It reads every entry of each log in order and
names every fault; it compares snapshots and segments byte for byte with what the log gives.
A missing one is rebuilt when it is needed, so that a wrong one may be removed.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import msgspec

from tunelet.core.trial import Trial
from tunelet.log.compaction import (
    Closed,
    Head,
    decode_head,
    decode_trials,
    encode_head,
    encode_trials,
    follow,
    join,
)
from tunelet.log.entry import Damaged, Entry, Newer, decode
from tunelet.log.parallel import at_once
from tunelet.log.reader import entry_key, entry_seq, mark_key, origin, purged
from tunelet.log.snapshots import snapshot_key
from tunelet.ports import Store

_HELD = 64
"""The most entries held in memory."""


class Finding(NamedTuple):
    """One fault of one object."""

    key: str
    message: str
    derived: bool = False
    """Whether the object is derived from the log: it may be removed, and is rebuilt."""


class Verification(NamedTuple):
    """The result of verifying one experiment's log."""

    namespace: str
    name: str
    entries: int
    """How many entries were read."""
    trials: int
    findings: tuple[Finding, ...]

    @property
    def damaged(self) -> bool:
        return any(not finding.derived for finding in self.findings)


def experiments(store: Store, namespace: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield namespace and name of all experiments that have objects in the store, in order."""
    prefix = f"v1/{namespace}/" if namespace else "v1/"
    after = ""
    while (key := next(store.list(prefix, after, limit=1), None)) is not None:
        _, found, name, rest = (*key.split("/", 3), "", "")[:4]
        after = key
        if found and name and rest:
            yield found, name
            after = f"v1/{found}/{name}/\U0010ffff"


def verify(store: Store, namespace: str, name: str) -> Verification:
    """Read the experiment's log from its first entry to its last.

    Raises `Retry` or `Reject` if the store cannot be read; never `Damaged`.
    """
    path = f"v1/{namespace}/{name}/"
    while True:
        log = _Log(store, path)
        findings = [*log.findings(), *log.derived.findings()]
        if purged(store, path) == log.first:
            break  # else a purge has begun meanwhile, and removed entries are not missing
    trials = log.head.experiment.next_number if log.head.experiment else 0
    return Verification(namespace, name, log.read, trials, tuple(findings))


def repair(store: Store, verdict: Verification) -> int:
    """Remove the wrong derived objects; returns how many."""
    wrong = [finding.key for finding in verdict.findings if finding.derived]
    at_once(store.delete, wrong)
    return len(wrong)


class _Log:
    """One pass over the entries. It passes each window that closes to `derived`."""

    def __init__(self, store: Store, path: str) -> None:
        self._store, self._path = store, path
        self.first = purged(store, path)
        """The number of the tombstone that the log begins with."""
        self.derived = _Derived(store, path)
        self.head = Head()
        self.read = 0
        self._sound = True
        """Whether all entries so far were right, so that `head` is the log's."""

    def findings(self) -> Iterator[Finding]:
        if self.first:
            try:
                self.head = origin(self._store, self._path)
            except Damaged as error:
                self._sound = False
                yield Finding(entry_key(self._path, self.first), str(error))
        following, prev = self.first + 1, self.head.sum if self._sound else None
        for key in self._objects():
            seq = entry_seq(key.key)
            if seq is None:
                yield Finding(key.key, "is no entry of a log")
                continue
            if seq > following:
                self._sound, prev = False, None
                yield Finding(entry_key(self._path, following), _missing(following, seq - 1))
            prev, finding = self._entry(key, seq, prev)
            following = seq + 1
            if finding is not None:
                yield finding

    def _entry(
        self, at: "_Object", seq: int, prev: str | None
    ) -> tuple[str | None, Finding | None]:
        """Return the entry's checksum, if it can be trusted, and its fault, if any."""
        self.read += 1
        try:
            entry, checksum = decode(at.data, seq, prev)
            self._fold(entry, checksum)
            return checksum, None
        except (Damaged, KeyError, ValueError) as error:
            self._sound = False
            message = str(error) if isinstance(error, Damaged) else f"entry {seq} cannot be folded"
            return _sum(at.data, seq), Finding(at.key, message)

    def _fold(self, entry: Entry, checksum: str) -> None:
        if not self._sound:
            return
        self.head, closed = follow(self.head, entry, checksum)
        if closed is not None:
            self.derived.closed(closed)

    def _objects(self) -> Iterator["_Object"]:
        """Yield the objects in the journal, with the entries that the listing missed.

        A listing is not atomic: it may show an entry without the one before it.
        """
        following = self.first + 1
        for listed in self._listed():
            seq = entry_seq(listed.key)
            while seq is not None and following < seq:
                key = entry_key(self._path, following)
                if (stored := self._store.get(key)) is None:
                    break
                yield _Object(key, stored.data)
                following += 1
            yield listed
            following = following if seq is None else seq + 1

    def _listed(self) -> Iterator["_Object"]:
        """Yield the objects that a listing shows after the first entry."""
        after = entry_key(self._path, self.first) if self.first else ""
        keys = self._store.list(f"{self._path}journal/", after)
        while some := list(islice(keys, _HELD)):
            for key, stored in zip(some, at_once(self._store.get, some), strict=True):
                if stored is not None and key != mark_key(self._path):
                    yield _Object(key, stored.data)


class _Object(NamedTuple):
    key: str
    data: bytes


class _Derived:
    """Compares the snapshots and segments in the store with the expected ones."""

    def __init__(self, store: Store, path: str) -> None:
        self._store, self._path = store, path
        self._unseen = {
            key for kind in ("snapshots", "segments") for key in store.list(f"{path}{kind}/")
        }
        self._wrong: list[Finding] = []

    def closed(self, closed: Closed) -> None:
        """Compare the closed window's objects; joined parts were compared before."""
        snapshot = snapshot_key(self._path, closed.head.seq)
        self._compare(snapshot, lambda: encode_head(closed.head), decode_head)
        own = self._path + closed.segment.name
        self._compare(own, lambda: encode_trials(closed.trials), _trials)
        for level, parts in closed.joined.items():
            names = [self._path + part.name for part in parts if part.trials]
            joint = self._path + closed.joint(level).name
            self._compare(joint, partial(self._joined, names), _trials)

    def findings(self) -> Iterator[Finding]:
        yield from self._wrong
        for key in sorted(self._unseen):
            yield Finding(key, "does not follow from the log", derived=True)

    def _compare(
        self, key: str, expected: Callable[[], bytes | None], meaning: Callable[[bytes], object]
    ) -> None:
        if key not in self._unseen:
            return
        self._unseen.discard(key)
        stored = self._store.get(key)
        if stored is not None and not _same(stored.data, expected(), meaning):
            self._wrong.append(Finding(key, "is not what the log gives", derived=True))

    def _joined(self, names: list[str]) -> bytes | None:
        parts = [stored.data for stored in at_once(self._store.get, names) if stored is not None]
        return join(parts) if len(parts) == len(names) else None


def _same(stored: bytes, expected: bytes | None, meaning: Callable[[bytes], object]) -> bool:
    """Whether both mean the same: an older version may have written other bytes."""
    if stored == expected or expected is None:
        return stored == expected
    try:
        return meaning(stored) == meaning(expected)
    except (msgspec.MsgspecError, Newer):
        return False


def _trials(data: bytes) -> list[Trial]:
    return list(decode_trials(data))


def _sum(data: bytes, seq: int) -> str | None:
    """Return the checksum of an intact entry, wherever it belongs; None if it is damaged."""
    try:
        return decode(data, seq)[1]
    except Damaged:
        return None


def _missing(first: int, last: int) -> str:
    return (
        f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
    )
