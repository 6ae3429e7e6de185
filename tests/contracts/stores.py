"""What every store must do. A store's test inherits `StoreContract` and gives it `open_again`."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from tunelet.errors import Reject, Retry
from tunelet.ports import Store

T = TypeVar("T")

THREADS = 8
ODD_KEYS = [
    "a b",
    "a+b",
    "a%20b",
    "a&b=c",
    "a?b#c",
    "a'b(c)!*~",
    "é/ü/€",
    "\U0001f600",
    "_-.x",
    "A",
    "a/b/c/d/e",
]
NOT_KEYS = ["", "/a", "a/", "a//b", "./a", "a/../b", "a\0b"]


def at_once(*calls: Callable[[], T]) -> list[T]:
    """The calls' results; none begins before all threads are there."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def patiently(call: Callable[[], T]) -> T:
    """A store under contention may ask to be called again."""
    for _ in range(100):
        try:
            return call()
        except Retry:
            continue
    raise AssertionError("never came through")


def data_of(store: Store, key: str) -> bytes | None:
    stored = store.get(key)
    return None if stored is None else stored.data


class StoreContract:
    """The suite. `again` opens what `store` is, as another process would."""

    @pytest.fixture
    def again(self) -> Callable[[], Store]:
        raise NotImplementedError

    @pytest.fixture
    def store(self, again: Callable[[], Store]) -> Store:
        return again()

    def test_what_was_never_written_is_absent(self, store: Store) -> None:
        assert store.get("k") is None
        assert list(store.list("")) == []

    def test_a_write_is_seen_by_every_reader(
        self, store: Store, again: Callable[[], Store]
    ) -> None:
        store.put("k", b"1")
        assert data_of(again(), "k") == b"1"
        store.put("k", b"2")
        assert data_of(again(), "k") == b"2"

    def test_a_key_is_created_once(self, store: Store) -> None:
        assert store.create("k", b"1") is True
        assert store.create("k", b"2") is False
        assert store.create("k", b"1") is False
        assert data_of(store, "k") == b"1"

    def test_a_deleted_key_can_be_created_again(self, store: Store) -> None:
        store.put("k", b"1")
        store.delete("k")
        store.delete("k")
        assert store.get("k") is None
        assert store.create("k", b"2") is True
        assert data_of(store, "k") == b"2"

    def test_a_swap_needs_the_present_version(self, store: Store) -> None:
        store.put("k", b"1")
        first = store.get("k")
        assert first is not None
        assert store.replace("k", b"2", first.version) is True
        assert store.replace("k", b"3", first.version) is False
        second = store.get("k")
        assert second is not None
        assert second.data == b"2"
        assert store.replace("k", b"3", second.version) is True
        assert data_of(store, "k") == b"3"

    def test_a_swap_on_an_absent_key_is_refused(self, store: Store) -> None:
        store.put("k", b"1")
        stored = store.get("k")
        assert stored is not None
        store.delete("k")
        assert store.replace("k", b"2", stored.version) is False
        assert store.get("k") is None

    @pytest.mark.parametrize("size", [0, 1, 5 * 2**20], ids=["empty", "a byte", "5 MiB"])
    def test_bytes_come_back_as_they_were(self, store: Store, size: int) -> None:
        data = bytes(range(256)) * (size // 256) + b"\xff" * (size % 256)
        assert store.create("created", data) is True
        store.put("put", data)
        stored = store.get("put")
        assert stored is not None
        assert stored.data == data == data_of(store, "created")
        assert store.replace("put", data + b"!", stored.version) is True
        assert data_of(store, "put") == data + b"!"

    def test_keys_may_hold_any_character(self, store: Store) -> None:
        for number, key in enumerate(ODD_KEYS):
            assert store.create(f"odd/{key}", str(number).encode()) is True
        assert [data_of(store, f"odd/{key}") for key in ODD_KEYS] == [
            str(number).encode() for number in range(len(ODD_KEYS))
        ]
        assert sorted(store.list("odd/")) == sorted(f"odd/{key}" for key in ODD_KEYS)
        for key in ODD_KEYS:
            store.delete(f"odd/{key}")
        assert list(store.list("odd/")) == []

    def test_a_listing_is_in_utf8_order(self, store: Store) -> None:
        keys = ["p/a", "p/B", "p/a-", "p/a.b", "p/b", "p/é", "p/\ufffd", "p/10"]
        for key in [*keys, "o/z", "q/a"]:
            store.put(key, b"")
        assert list(store.list("p/")) == sorted(keys, key=str.encode)
        assert list(store.list("p/a")) == ["p/a", "p/a-", "p/a.b"]
        assert list(store.list("")) == sorted([*keys, "o/z", "q/a"], key=str.encode)
        assert list(store.list("none/")) == []

    def test_characters_beyond_the_first_plane_sort_by_their_bytes_too(self, store: Store) -> None:
        for key in ("p/\U0001f600", "p/\ufffd"):
            store.put(key, b"")
        assert list(store.list("p/")) == ["p/\ufffd", "p/\U0001f600"]

    def test_a_listing_starts_behind_a_key_and_ends_at_the_limit(self, store: Store) -> None:
        keys = [f"p/{n:02d}" for n in range(12)]
        for key in keys:
            store.put(key, b"")
        assert list(store.list("p/", after="p/03")) == keys[4:]
        assert list(store.list("p/", after="p/03x")) == keys[4:]
        assert list(store.list("p/", after="p/03", limit=2)) == keys[4:6]
        assert list(store.list("p/", after="p/03x", limit=2)) == keys[4:6]
        assert list(store.list("p/", after="a")) == keys
        assert list(store.list("p/", after="z")) == []
        assert list(store.list("p/", limit=0)) == []
        assert list(store.list("p/", limit=99)) == keys
        pages, after = [], ""
        while page := list(store.list("p/", after, limit=5)):
            pages.append(page)
            after = page[-1]
        assert pages == [keys[:5], keys[5:10], keys[10:]]

    def test_of_many_creators_one_wins_and_its_bytes_stand(
        self, again: Callable[[], Store]
    ) -> None:
        stores = [again() for _ in range(THREADS)]
        for turn in range(10):
            key = f"race/{turn}"

            def create(number: int, key: str = key) -> bool:
                return stores[number].create(key, str(number).encode())

            won = at_once(*[lambda n=n, f=create: f(n) for n in range(THREADS)])
            assert Counter(won)[True] == 1
            assert data_of(stores[0], key) == str(won.index(True)).encode()

    def test_no_swap_is_lost(self, again: Callable[[], Store]) -> None:
        stores = [again() for _ in range(THREADS)]
        stores[0].put("n", b"0")

        def add(store: Store) -> int:
            done = 0
            while done < 5:
                stored = store.get("n")
                assert stored is not None
                done += store.replace("n", b"%d" % (int(stored.data) + 1), stored.version)
            return done

        added = at_once(*[lambda s=s: add(s) for s in stores])
        assert data_of(stores[0], "n") == str(sum(added)).encode() == str(5 * THREADS).encode()

    def test_a_reader_never_sees_half_a_write(self, again: Callable[[], Store]) -> None:
        writer, reader = again(), again()
        values = {bytes([n]) * 100_000 for n in range(4)}
        writer.put("k", min(values))
        written = threading.Event()

        def write() -> None:
            for _ in range(5):
                for value in values:
                    writer.put("k", value)
            written.set()

        def read() -> None:
            while not written.is_set():
                assert data_of(reader, "k") in values

        at_once(write, read)

    @pytest.mark.parametrize("key", NOT_KEYS)
    def test_what_is_no_path_is_no_key(self, store: Store, key: str) -> None:
        with pytest.raises(Reject, match="key"):
            store.put(key, b"")
