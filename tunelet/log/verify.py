"""Whether the logs in a store are what the protocol allows, and what is derived from them, too.

It reads the bucket alone and asks no service. Of each log every entry is read, in order, and
everything that is wrong is named; snapshots and segments are compared, byte for byte, with
what the log gives. Those are rebuilt wherever they are missing, so that a wrong one may
be removed.
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
"""Entries read at once."""


class Finding(NamedTuple):
    """Something that is wrong with one object."""

    key: str
    message: str
    derived: bool = False
    """Not of the log itself: it can be removed, and is made anew."""


class Verification(NamedTuple):
    """What was found of one experiment's log."""

    namespace: str
    name: str
    entries: int
    """How many were read."""
    trials: int
    findings: tuple[Finding, ...]

    @property
    def damaged(self) -> bool:
        return any(not finding.derived for finding in self.findings)


def experiments(store: Store, namespace: str | None = None) -> Iterator[tuple[str, str]]:
    """Namespace and name of all experiments that have objects in the store, in order."""
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
            break  # else a purge has begun meanwhile: what it takes is not missing
    trials = log.head.experiment.next_number if log.head.experiment else 0
    return Verification(namespace, name, log.read, trials, tuple(findings))


def repair(store: Store, verdict: Verification) -> int:
    """Remove the derived objects that are wrong; returns how many."""
    wrong = [finding.key for finding in verdict.findings if finding.derived]
    at_once(store.delete, wrong)
    return len(wrong)


class _Log:
    """One pass over the entries; `derived` is told of each window that closes on the way."""

    def __init__(self, store: Store, path: str) -> None:
        self._store, self._path = store, path
        self.first = purged(store, path)
        """The tombstone that the log begins with."""
        self.derived = _Derived(store, path)
        self.head = Head()
        self.read = 0
        self._sound = True
        """No entry was wrong so far, so that `head` is the log's."""

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
        """The entry's checksum, if it can be trusted, and what is wrong with it."""
        self.read += 1
        try:
            entry, checksum = decode(at.data, seq, prev)
            self._fold(entry, checksum)
            return checksum, None
        except (Damaged, KeyError, ValueError) as error:
            self._sound = False
            told = str(error) if isinstance(error, Damaged) else f"entry {seq} cannot be folded"
            return _sum(at.data, seq), Finding(at.key, told)

    def _fold(self, entry: Entry, checksum: str) -> None:
        if not self._sound:
            return
        self.head, closed = follow(self.head, entry, checksum)
        if closed is not None:
            self.derived.closed(closed)

    def _objects(self) -> Iterator["_Object"]:
        """What stands in the journal, with the entries that the listing missed.

        A listing is no snapshot: it may show an entry without the one before it.
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
        """What a listing shows behind the first entry, with its bytes."""
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
    """The snapshots and segments that are there, beside what they should be."""

    def __init__(self, store: Store, path: str) -> None:
        self._store, self._path = store, path
        self._unseen = {
            key for kind in ("snapshots", "segments") for key in store.list(f"{path}{kind}/")
        }
        self._wrong: list[Finding] = []

    def closed(self, closed: Closed) -> None:
        """Compare what the closed window gives; parts that are joined were compared before."""
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
    """Whether both say the same: an older version may have written it in other words."""
    if stored == expected or expected is None:
        return stored == expected
    try:
        return meaning(stored) == meaning(expected)
    except (msgspec.MsgspecError, Newer):
        return False


def _trials(data: bytes) -> list[Trial]:
    return list(decode_trials(data))


def _sum(data: bytes, seq: int) -> str | None:
    """The checksum of an entry that is whole, wherever it belongs."""
    try:
        return decode(data, seq)[1]
    except Damaged:
        return None


def _missing(first: int, last: int) -> str:
    return (
        f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
    )
