"""Idempotent requests are sent again, with waits that depend on the faults."""

from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from adapters.storage.memory import MemoryStore
from adapters.storage.retrying import (
    LONGEST_SECONDS,
    READY_SECONDS,
    SHORTEST_SECONDS,
    THROTTLED_SECONDS,
    RetryingStore,
)
from tunelet.errors import Reject, Retry, Throttled
from tunelet.ports import Store, Stored


class Scripted(MemoryStore):
    """A store that raises the given faults, one per call, before calls succeed."""

    def __init__(self, *faults: Exception | None) -> None:
        super().__init__()
        self.faults, self.calls = list(faults), list[str]()

    def meet(self, call: str) -> None:
        self.calls.append(call)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault

    def get(self, key: str) -> Stored | None:
        self.meet("get")
        return super().get(key)

    def create(self, key: str, data: bytes) -> bool:
        self.meet("create")
        return super().create(key, data)

    def put(self, key: str, data: bytes) -> None:
        self.meet("put")
        super().put(key, data)

    def replace(self, key: str, data: bytes, version: str) -> bool:
        self.meet("replace")
        return super().replace(key, data, version)

    def delete(self, key: str) -> None:
        self.meet("delete")
        super().delete(key)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        """Two keys a page, and a fault before a page."""
        self.meet("list")
        for count, key in enumerate(super().list(prefix, after, limit)):
            if count and count % 2 == 0:
                self.meet("page")
            yield key


class Time:
    """A clock that only sleeping moves; waits are the whole bound."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def over(
        self, store: Store, deadline: float = 10.0, first: float | None = None
    ) -> RetryingStore:
        return RetryingStore(
            store,
            deadline=deadline,
            first=first,
            sleep=self.sleep,
            clock=lambda: self.now,
            between=lambda _, most: most,
        )


CALLS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get("k"),
    "put": lambda store: store.put("k", b"1"),
    "delete": lambda store: store.delete("k"),
    "list": lambda store: list(store.list("")),
    "create": lambda store: store.create("k", b"1"),
    "replace": lambda store: store.replace("k", b"1", "0"),
}


@pytest.mark.parametrize("call", ["get", "put", "delete", "list"])
def test_an_idempotent_request_is_sent_again_with_waits_that_double(call: str) -> None:
    store, time = Scripted(*[Retry("no")] * 3), Time()
    CALLS[call](time.over(store))
    assert store.calls == [call] * 4
    assert time.waits == [SHORTEST_SECONDS, 2 * SHORTEST_SECONDS, 4 * SHORTEST_SECONDS]


@pytest.mark.parametrize("call", ["create", "replace"])
def test_a_conditional_write_is_never_sent_again(call: str) -> None:
    store, time = Scripted(Retry("no")), Time()
    with pytest.raises(Retry, match="no"):
        CALLS[call](time.over(store))
    assert store.calls == [call]
    assert time.waits == []


def test_a_store_that_has_never_answered_is_given_less_time() -> None:
    store, time = Scripted(*[Retry("no")] * 99), Time()
    with pytest.raises(Retry):
        time.over(store, first=1.0).get("k")
    assert sum(time.waits) < 1.0


@pytest.mark.parametrize("answer", [None, Throttled("less")])
def test_an_answer_gives_the_store_its_full_time(answer: Exception | None) -> None:
    store, time = Scripted(answer, *[Retry("no")] * 99), Time()
    patient = time.over(store, first=0.0)
    if answer is None:
        patient.get("k")
    with pytest.raises(Retry):
        patient.get("k")
    assert sum(time.waits) > 5.0


def test_a_listing_is_an_answer() -> None:
    store, time = Scripted(None, Retry("no")), Time()
    patient = time.over(store, first=0.0)
    list(patient.list(""))
    assert patient.get("k") is None


def test_a_request_that_can_never_succeed_is_not_sent_again() -> None:
    store, time = Scripted(Reject("wrong bucket")), Time()
    with pytest.raises(Reject, match="wrong bucket"):
        time.over(store).get("k")
    assert store.calls == ["get"]


def test_at_the_deadline_the_last_fault_is_raised() -> None:
    store, time = Scripted(*[Retry(str(n)) for n in range(1000)]), Time()
    with pytest.raises(Retry) as caught:
        time.over(store, deadline=30.0).get("k")
    assert str(caught.value) == str(len(store.calls) - 1)
    assert max(time.waits) == LONGEST_SECONDS
    assert 30.0 - LONGEST_SECONDS <= time.now < 30.0


def test_a_probe_is_answered_within_two_seconds_though_not_at_the_first_fault() -> None:
    store, time = Scripted(*[Retry("no")] * 1000), Time()
    with pytest.raises(Retry):
        time.over(store).ready()
    assert 0 < time.now < READY_SECONDS
    time.over(Scripted(Retry("no"), Retry("no"))).ready()


def test_a_throttling_store_is_left_alone_for_longer_from_the_start() -> None:
    store, time = Scripted(Throttled("slow down"), Throttled("slow down")), Time()
    time.over(store).get("k")
    assert time.waits == [THROTTLED_SECONDS, 2 * THROTTLED_SECONDS]


@pytest.mark.parametrize("fault", [Retry, Throttled])
def test_no_one_comes_back_before_the_server_asked_for_it(fault: type[Retry]) -> None:
    store, time = Scripted(fault("later", 3.0)), Time()
    time.over(store).get("k")
    assert 3.0 < time.waits[0] <= 3.0 + THROTTLED_SECONDS


def test_a_wait_that_the_deadline_does_not_allow_is_not_begun() -> None:
    store, time = Scripted(Throttled("later", 60.0)), Time()
    with pytest.raises(Throttled) as caught:
        time.over(store).get("k")
    assert caught.value.after == 60.0
    assert time.waits == []


def test_waits_are_drawn_at_random_from_nothing_to_the_bound() -> None:
    asked: list[tuple[float, float]] = []

    def between(least: float, most: float) -> float:
        asked.append((least, most))
        return 0.0

    store = Scripted(Retry("no"), Retry("no"))
    RetryingStore(store, sleep=lambda _: None, between=between).get("k")
    assert asked == [(0.0, SHORTEST_SECONDS), (0.0, 2 * SHORTEST_SECONDS)]


def test_an_interrupted_listing_continues_after_its_last_key() -> None:
    store, time = Scripted(), Time()
    keys = [f"k{n}" for n in range(7)]
    for key in keys:
        store.put(key, b"")
    store.faults = [Retry("no"), None, Retry("no"), None, None, Retry("no")]
    assert list(time.over(store).list("", limit=6)) == keys[:6]
    store.faults = [None, Retry("no"), Retry("no")]
    assert list(time.over(store).list("k", after="k0")) == keys[1:]


def test_a_listing_asks_for_no_more_than_is_read() -> None:
    store = Scripted()
    for n in range(7):
        store.put(f"k{n}", b"")
    assert list(islice(Time().over(store).list(""), 2)) == ["k0", "k1"]
    assert store.calls[-1] == "list"
