"""Tests whether a store keeps the promises that the log depends on.

Some stores that speak a cloud's protocol ignore its conditions: every create succeeds, and
two writers believe the same entry theirs. Nothing later would notice, so no experiment begins
on a store before it has refused a second create of one key and a stale replace.

A probe writes two small objects below `probe/` and removes them again. Only a process that
dies in the middle leaves them, and nothing reads them.
"""

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tunelet.errors import Reject, Retry, TuneletError

if TYPE_CHECKING:
    from tunelet.ports import Store

T = TypeVar("T")

PURPOSES = {
    "read": "every request reads the log",
    "write": "every change is a new object in the log",
    "list": "finds experiments, and what deleted ones left",
    "delete": "removes what deleted experiments left",
}
"""What each right is needed for."""
_FIRST, _SECOND, _THIRD = b"1", b"2", b"3"


class Right(NamedTuple):
    """The result of one kind of request to a store."""

    name: str
    seconds: tuple[float, ...]
    """Seconds of each call that was answered."""
    fault: TuneletError | None


class Figures(NamedTuple):
    rights: tuple[Right, ...]
    fault: TuneletError | None
    """`Reject`: a promise is broken; `Retry`: not known. None: all are kept, or the test of them
    lacked a right."""

    @property
    def trusted(self) -> bool:
        return self.fault is None and all(right.fault is None for right in self.rights)


class _Probe:
    """The probe of one store: threads wait for that of their store, and for no other."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.passed = False


class Probed:
    """The stores of all namespaces, each probed once. Threads may share one."""

    def __init__(self, store_of: "Callable[[str], Store]") -> None:
        self._store_of = store_of
        self._probes: dict[Store, _Probe] = {}
        """By the store itself: two may have one URL, at different endpoints or accounts."""

    def ensure(self, namespace: str) -> None:
        """Probe the namespace's store unless it has passed. Raises what `probe` raises."""
        store = self._store_of(namespace)
        this = self._probes.setdefault(store, _Probe())
        with this.lock:
            if not this.passed:
                probe(store)
                this.passed = True


def probe(store: "Store") -> Figures:
    """Try the store: about twelve requests.

    Raises `Reject` if it ignores conditions or does not show what was written, the store's own
    error if a right is missing, and `Retry` if the answers leave that open.
    """
    figures = examine(store)
    for fault in (*(right.fault for right in figures.rights), figures.fault):
        if fault is not None:
            raise fault
    return figures


def examine(
    store: "Store", rounds: int = 1, clock: Callable[[], float] = time.perf_counter
) -> Figures:
    """Try every right on its own, even if another is missing. Raises no error of the store.

    The rights are used `rounds` times each at least, for their latency.
    """
    trial = _Trial(store, clock)
    try:
        fault = trial.broken_promise()
        trial.use_rights(rounds)
    finally:
        trial.remove()
    rights = tuple(
        Right(name, tuple(trial.seconds[name]), trial.faults.get(name)) for name in PURPOSES
    )
    return Figures(rights, fault)


class _Trial:
    def __init__(self, store: "Store", clock: Callable[[], float]) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name in PURPOSES}
        self.faults: dict[str, TuneletError] = {}
        self._store, self._clock = store, clock
        self._prefix = f"probe/{secrets.token_hex(8)}/"
        self._keys = [f"{self._prefix}A", f"{self._prefix}a"]
        """Keys are listed in the order of their bytes, unlike the order of most languages."""
        self._left = set[str]()

    def broken_promise(self) -> TuneletError | None:
        try:
            self._test_promises()
        except TuneletError as fault:
            return None if fault in self.faults.values() else fault
        return None

    def use_rights(self, rounds: int) -> None:
        """Try each right by itself, so that a missing one does not hide another."""
        store, key = self._store, self._keys[0]
        calls: dict[str, Callable[[], object]] = {
            "write": lambda: self._put(key, _FIRST),
            "read": lambda: store.get(key),
            "list": lambda: list(store.list(self._prefix)),
            "delete": lambda: self._delete(key),
        }
        for name, call in calls.items():
            with suppress(TuneletError):
                while name not in self.faults and len(self.seconds[name]) < rounds:
                    self._ask(name, call)

    def remove(self) -> None:
        for key in sorted(self._left):
            with suppress(TuneletError):
                self._store.delete(key)

    def _test_promises(self) -> None:
        store, (upper, lower) = self._store, self._keys
        self._needs(self._create(lower, _FIRST), "refused to create an absent key")
        self._forbids(self._create(lower, _SECOND), "created a key that existed")
        seen = self._read(lower, _FIRST)
        self._needs(self._replace(lower, _SECOND, seen), "refused to replace the present version")
        self._forbids(self._replace(lower, _THIRD, seen), "replaced a version that had changed")
        self._read(lower, _SECOND)
        self._ask("write", lambda: self._put(upper, _FIRST))
        self._lists("", self._keys)
        self._lists(upper, [lower])
        for key in self._keys:
            self._ask("delete", partial(self._delete, key))
        self._forbids(
            self._ask("read", lambda: store.get(lower)) is not None, "showed what it had deleted"
        )

    def _put(self, key: str, data: bytes) -> None:
        self._left.add(key)
        self._store.put(key, data)

    def _delete(self, key: str) -> None:
        self._store.delete(key)
        self._left.discard(key)

    def _create(self, key: str, data: bytes) -> bool:
        self._left.add(key)
        return self._ask("write", lambda: self._store.create(key, data))

    def _replace(self, key: str, data: bytes, version: str) -> bool:
        return self._ask("write", lambda: self._store.replace(key, data, version))

    def _read(self, key: str, data: bytes) -> str:
        stored = self._ask("read", lambda: self._store.get(key))
        self._forbids(stored is None or stored.data != data, "did not show what was written before")
        assert stored is not None
        return stored.version

    def _lists(self, after: str, expected: list[str]) -> None:
        listed = self._ask("list", lambda: list(self._store.list(self._prefix, after)))
        self._forbids(listed != expected, "did not list what was written, in the order of bytes")

    def _ask(self, right: str, call: Callable[[], T]) -> T:
        began = self._clock()
        try:
            answer = call()
        except TuneletError as fault:
            self.faults[right] = fault
            raise
        self.seconds[right].append(self._clock() - began)
        return answer

    def _forbids(self, happened: bool, what: str) -> None:
        if happened:
            raise Reject(
                f"{self._store.url}: the store {what}, so experiments would damage each other on "
                "it; choose a store with conditional writes and consistent reads"
            )

    def _needs(self, happened: bool, what: str) -> None:
        """A proxy that sends a write twice makes it look refused, so this may pass."""
        if not happened:
            raise Retry(f"{self._store.url}: the store {what}")
