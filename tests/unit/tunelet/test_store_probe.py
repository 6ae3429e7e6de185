"""No experiment begins on a store that ignores conditions, and a probe leaves no objects."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from adapters.storage.memory import MemoryStore
from tunelet.errors import Reject, Retry
from tunelet.ports import Stored
from tunelet.store_probe import PURPOSES, Probed, examine, probe


class Careless(MemoryStore):
    def create(self, key: str, data: bytes) -> bool:
        self.put(key, data)
        return True


class Stale(MemoryStore):
    def replace(self, key: str, data: bytes, version: str) -> bool:
        self.put(key, data)
        return True


class Late(MemoryStore):
    """Shows each write one read too late."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, Stored | None] = {}

    def get(self, key: str) -> Stored | None:
        before, self.shown[key] = self.shown.get(key), super().get(key)
        return before


class Disordered(MemoryStore):
    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        yield from sorted(super().list(prefix, after, limit), reverse=True)


class Undead(MemoryStore):
    def delete(self, key: str) -> None:
        pass


class Suspicious(MemoryStore):
    """Refuses every create, as a proxy that repeats requests makes it look."""

    def create(self, key: str, data: bytes) -> bool:
        super().create(key, data)
        return False


class ReadOnly(MemoryStore):
    def create(self, key: str, data: bytes) -> bool:
        raise Reject("may not write")

    def put(self, key: str, data: bytes) -> None:
        raise Reject("may not write")

    def delete(self, key: str) -> None:
        raise Reject("may not delete")


def test_a_store_that_keeps_its_promises_passes_and_is_left_as_it_was() -> None:
    store = MemoryStore()
    store.put("mine", b"1")
    figures = probe(store)
    assert figures.trusted
    assert [right.name for right in figures.rights] == list(PURPOSES)
    assert list(store.list("")) == ["mine"]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (Careless, "created a key that existed"),
        (Stale, "replaced a version that had changed"),
        (Late, "did not show what was written"),
        (Disordered, "in the order of bytes"),
    ],
)
def test_a_store_that_breaks_a_promise_is_refused_and_left_clean(
    kind: Callable[[], MemoryStore], what: str
) -> None:
    store = kind()
    with pytest.raises(Reject, match=what):
        probe(store)
    assert list(store.list("")) == []


def test_a_store_that_keeps_deleted_objects_is_refused() -> None:
    with pytest.raises(Reject, match="showed what it had deleted"):
        probe(Undead())


def test_a_refusal_that_a_proxy_may_have_caused_is_not_final() -> None:
    store = Suspicious()
    with pytest.raises(Retry, match="refused to create an absent key"):
        probe(store)
    assert list(store.list("")) == []


def test_one_right_that_is_missing_hides_no_other() -> None:
    figures = examine(ReadOnly())
    faults = {right.name: right.fault for right in figures.rights}
    assert faults["read"] is faults["list"] is None
    assert str(faults["write"]) == "may not write"
    assert str(faults["delete"]) == "may not delete"
    assert figures.fault is None
    assert not figures.trusted
    with pytest.raises(Reject, match="may not write"):
        probe(ReadOnly())


def test_latencies_are_of_as_many_calls_as_were_asked_for() -> None:
    ticks = count()
    figures = examine(MemoryStore(), rounds=9, clock=lambda: float(next(ticks)))
    assert all(right.seconds == (1.0,) * max(9, len(right.seconds)) for right in figures.rights)


def test_a_store_is_probed_once_however_many_threads_begin() -> None:
    class Counted(MemoryStore):
        created = 0

        def create(self, key: str, data: bytes) -> bool:
            self.created += 1
            return super().create(key, data)

    store = Counted()
    probed, gate = Probed(lambda _: store), threading.Barrier(8)

    def begin(_: int) -> None:
        gate.wait()
        probed.ensure("default")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(begin, range(8)))
    assert store.created == 2


def test_a_store_that_failed_is_probed_again() -> None:
    store = Careless()
    probed = Probed(lambda _: store)
    for _ in range(2):
        with pytest.raises(Reject):
            probed.ensure("default")
