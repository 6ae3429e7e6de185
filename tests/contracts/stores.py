"""The contract of every store. A store's test inherits `StoreContract` and gives it `again`.

`SharedStoreContract` adds the contract of a store that several processes share.
"""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from tests.contracts.processes import together
from tests.specs import SPEC
from tunelet.core.commands import AddTrials, Enqueue, Record, Start, Submit
from tunelet.core.trial import Report
from tunelet.errors import Reject
from tunelet.log.journal import Journal
from tunelet.ports import Store, Stored
from tunelet.store_probe import probe

T = TypeVar("T")

THREADS = 8
PROCESSES = 3
ODD_KEYS = [
    "a b/c d",
    "a+b&c=d",
    "a%20b",
    "percent%2Fslash",
    "a?b#c",
    "a'b(c)!*~",
    'double"quote',
    "star*[x]",
    "é/ü/€",
    "日本/語",
    "\U0001f600",
    "_-.x",
    ".hidden",
    "dots..inside",
    "-dash",
    "A",
    "a/b/c/d/e",
    "k" * 200,
]
NOT_KEYS = ["", "/a", "a/", "a//b", "./a", "a/.", "../a", "a/../b", "a\0b", "a\ud800b"]
UNSORTED = ["a/b/c", "a.c", "a-b", "a0", "a/b.c", "a/b-c", "b", "a/é", "a/z", "a/Z", "a/\ufffd"]
"""Where "a/" sorts behind "a-" and "a.", and so do names below folders of a file store."""


def at_once(count: int, act: Callable[[int], T]) -> list[T]:
    """Call `act` in many threads, which begin together; returns the results."""
    gate = threading.Barrier(count)

    def run(number: int) -> T:
        gate.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def stored(store: Store, key: str) -> Stored:
    found = store.get(key)
    assert found is not None, f"{key} is absent"
    return found


def read(store: Store, key: str) -> bytes:
    return stored(store, key).data


def count_up(store: Store, key: str, times: int) -> None:
    """Add one `count` times, by compare-and-swap."""
    for _ in range(times):
        present = stored(store, key)
        while not store.replace(key, b"%d" % (int(present.data) + 1), present.version):
            present = stored(store, key)


def begin(store: Store) -> None:
    """A log with a trial that runs."""
    Journal(store, "default", "e").commit(Submit("u", SPEC), AddTrials(0, ({"x": 1},)), Start(0, 1))


def tell(store: Store, writer: int, count: int) -> None:
    """Steps that only this writer reports, and a trial that is enqueued without a key."""
    log = Journal(store, "default", "e")
    for n in range(count):
        log.commit(Record(0, 1, (Report(writer * count + n, {"objective": float(writer)}),)))
    log.commit(Enqueue(({"x": writer},)))


def check_writes(store: Store, writers: int, count: int) -> None:
    experiment = Journal(store, "default", "e").read()
    assert [r.step for r in experiment.trials[0].reports] == list(range(writers * count))
    enqueued = [trial.hyperparameters["x"] for trial in experiment.live if trial.enqueued]
    assert sorted(map(str, enqueued)) == [str(writer) for writer in range(writers)]


class StoreContract:
    """The suite. `again` opens the same store, as another process would."""

    @pytest.fixture
    def again(self) -> Callable[[], Store]:
        raise NotImplementedError

    @pytest.fixture
    def store(self, again: Callable[[], Store]) -> Store:
        return again()

    # One object

    def test_an_object_that_was_never_written_is_absent(self, store: Store) -> None:
        assert store.get("k") is None
        assert store.get("a/b/c") is None
        assert list(store.list("")) == list(store.list("a")) == list(store.list("a/b/")) == []

    def test_a_key_is_created_once(self, store: Store) -> None:
        assert store.create("k", b"1") is True
        assert store.create("k", b"2") is False
        assert store.create("k", b"1") is False
        assert read(store, "k") == b"1"

    def test_a_deleted_key_is_gone_and_can_be_created_again(self, store: Store) -> None:
        store.put("a/k", b"1")
        store.delete("a/k")
        store.delete("a/k")
        store.delete("never/was")
        assert store.get("a/k") is None
        assert list(store.list("")) == []
        assert store.create("a/k", b"2") is True
        assert read(store, "a/k") == b"2"

    def test_a_copy_is_the_same_bytes_and_goes_its_own_way(self, store: Store) -> None:
        data = bytes(range(256)) * 4096
        store.put("a/from", data)
        store.put("b/to", b"before")
        assert store.copy("a/from", "b/to")
        store.put("a/from", b"after")
        assert read(store, "b/to") == data
        assert read(store, "a/from") == b"after"

    def test_an_object_can_be_read_in_parts(self, store: Store) -> None:
        data = bytes(range(256)) * 40
        store.put("a/big", data)
        store.put("a/empty", b"")
        found = [store.part("a/big", start, 3000) for start in range(0, len(data), 3000)]
        assert b"".join(part or b"" for part in found) == data
        assert [len(part or b"") for part in found] == [3000, 3000, 3000, 1240]
        assert store.part("a/big", 100, 7) == data[100:107]
        assert store.part("a/big", len(data), 10) == b""
        assert store.part("a/big", len(data) + 5, 10) == b""
        assert store.part("a/empty", 0, 10) == b""
        assert store.part("a/absent", 0, 10) is None

    def test_copying_an_absent_object_copies_nothing(self, store: Store) -> None:
        assert store.copy("a/absent", "b/to") is False
        assert store.get("b/to") is None

    def test_a_swap_needs_the_present_version(self, store: Store) -> None:
        store.put("k", b"1")
        first = stored(store, "k").version
        assert store.replace("k", b"2", first) is True
        assert store.replace("k", b"3", first) is False
        assert read(store, "k") == b"2"
        store.put("k", b"4")
        assert store.replace("k", b"5", first) is False
        assert store.replace("k", b"6", stored(store, "k").version) is True
        assert read(store, "k") == b"6"

    def test_a_swap_makes_nothing(self, store: Store) -> None:
        store.put("k", b"1")
        gone = stored(store, "k").version
        store.delete("k")
        assert store.replace("k", b"2", gone) is False
        assert store.replace("never/was", b"2", gone) is False
        assert list(store.list("")) == []

    @pytest.mark.parametrize("size", [0, 1, 5 * 2**20], ids=["empty", "a byte", "5 MiB"])
    def test_bytes_come_back_as_they_were(self, store: Store, size: int) -> None:
        data = bytes(range(256)) * (size // 256) + b"\xff" * (size % 256)
        assert store.create("created", data) is True
        assert store.create("created", data + b"?") is False
        store.put("put", data)
        assert read(store, "put") == data == read(store, "created")
        assert store.replace("put", data + b"!", stored(store, "put").version) is True
        assert read(store, "put") == data + b"!"

    def test_keys_may_hold_any_character(self, store: Store) -> None:
        values = {f"odd/{key}": str(number).encode() for number, key in enumerate(ODD_KEYS)}
        for key, value in values.items():
            assert store.create(key, value) is True
            assert store.create(key, b"") is False
        assert {key: read(store, key) for key in values} == values
        assert sorted(store.list("odd/")) == sorted(values)
        for key in values:
            assert key in set(store.list(key[:7]))
            store.delete(key)
        assert list(store.list("odd/")) == []

    @pytest.mark.parametrize("key", NOT_KEYS)
    def test_an_invalid_path_is_not_a_key(self, store: Store, key: str) -> None:
        for use in (
            lambda: store.create(key, b""),
            lambda: store.put(key, b""),
            lambda: store.replace(key, b"", "1"),
            lambda: store.get(key),
            lambda: store.delete(key),
        ):
            with pytest.raises(Reject, match="key"):
                use()

    # Listing

    def test_a_listing_is_in_the_order_of_bytes(self, store: Store) -> None:
        for key in [*UNSORTED, "o/z"]:
            store.put(key, b"")
        ordered = sorted([*UNSORTED, "o/z"], key=str.encode)
        assert list(store.list("")) == ordered
        assert list(store.list("a/")) == [key for key in ordered if key.startswith("a/")]
        assert list(store.list("a/b")) == ["a/b-c", "a/b.c", "a/b/c"]
        assert list(store.list("none/")) == []

    def test_characters_beyond_the_first_plane_sort_by_their_bytes_too(self, store: Store) -> None:
        for key in ("p/\U0001f600", "p/\ufffd"):
            store.put(key, b"")
        assert list(store.list("p/")) == ["p/\ufffd", "p/\U0001f600"]

    def test_the_size_is_that_of_all_objects_with_the_prefix(self, store: Store) -> None:
        for number in range(5):
            store.put(f"size/a/{number}", b"x" * 100)
        store.put("size/a/deep/er", b"y" * 10)
        store.put("size/ab", b"z" * 1000)
        assert store.size("size/a/", 10**9) == 510
        assert store.size("size/a", 10**9) == 1510
        assert store.size("size/none/", 10**9) == 0
        store.put("size/a/0", b"")
        store.delete("size/a/1")
        assert store.size("size/a/", 10**9) == 310

    def test_the_size_is_added_up_to_a_bound(self, store: Store) -> None:
        for number in range(5):
            store.put(f"bound/{number}", b"x" * 100)
        assert 150 <= store.size("bound/", 150) < 500

    def test_pages_together_are_the_listing(self, store: Store) -> None:
        for key in UNSORTED:
            store.put(key, b"")
        for prefix in ("", "a", "a/", "a/b", "b", "nothing", "a/b/c/d"):
            whole = sorted((key for key in UNSORTED if key.startswith(prefix)), key=str.encode)
            for limit in (1, 2, 5, 100):
                pages, after = [], ""
                while page := list(store.list(prefix, after, limit)):
                    assert len(page) <= limit
                    pages += page
                    after = page[-1]
                assert pages == whole, f"{prefix!r}, {limit} a page"
            assert list(store.list(prefix, limit=0)) == []

    def test_a_listing_may_begin_after_an_absent_key(self, store: Store) -> None:
        for key in UNSORTED:
            store.put(key, b"")
        for after in ("a", "a-", "a.", "a.z", "a/", "a/b", "a/b.b", "a/~", "a0", "az", "b/z", "z"):
            rest = sorted(
                (key for key in UNSORTED if key.encode() > after.encode()), key=str.encode
            )
            assert list(store.list("", after=after)) == rest, after
            assert list(store.list("", after=after, limit=2)) == rest[:2], after
        assert list(store.list("b", after="a/b")) == ["b"]
        assert list(store.list("a/", after="b")) == []

    def test_a_listing_survives_changes_while_it_is_read(self, store: Store) -> None:
        """It need not show them, but it must show keys that exist all the time, once each."""
        keys = [f"a/{n:02d}/x" for n in range(20)]
        for key in keys:
            store.put(key, b"")
        seen = []
        for count, key in enumerate(store.list("a/")):
            seen.append(key)
            if 2 * count < len(keys):
                store.delete(keys[2 * count])
                store.put(f"b/{count:02d}", b"")
        assert sorted(set(seen)) == seen
        assert set(keys[1::2]) <= set(seen) <= set(keys)

    # The promises together

    def test_it_passes_the_probe_which_leaves_nothing(self, store: Store) -> None:
        assert probe(store).trusted
        assert list(store.list("")) == []

    # Several at once

    def test_acknowledged_writes_are_seen_by_all(self, again: Callable[[], Store]) -> None:
        one, other = again(), again()
        for n in range(10):
            key = f"a/{n:02d}"
            assert one.create(key, b"1")
            assert read(other, key) == b"1"
            assert len(list(other.list("a/"))) == n + 1
            assert other.create(key, b"2") is False
            other.put(key, b"3")
            assert read(one, key) == b"3"

    def test_one_of_many_creators_wins_and_its_bytes_are_stored(
        self, again: Callable[[], Store]
    ) -> None:
        stores = [again() for _ in range(THREADS)]
        for turn in range(10):
            key = f"race/{turn}"
            won = at_once(THREADS, lambda n, key=key: stores[n].create(key, b"%d" % n))  # type: ignore[misc]
            assert Counter(won)[True] == 1
            assert read(stores[0], key) == b"%d" % won.index(True)

    def test_one_of_many_swaps_of_a_version_wins(self, again: Callable[[], Store]) -> None:
        stores = [again() for _ in range(THREADS)]
        for turn in range(10):
            key = f"race/{turn}"
            stores[0].put(key, b"start")
            seen = stored(stores[0], key).version
            won = at_once(
                THREADS,
                lambda n, key=key, seen=seen: stores[n].replace(key, b"%d" % n, seen),  # type: ignore[misc]
            )
            assert Counter(won)[True] == 1
            assert read(stores[0], key) == b"%d" % won.index(True)

    def test_no_swap_is_lost(self, again: Callable[[], Store]) -> None:
        stores = [again() for _ in range(THREADS)]
        stores[0].put("n", b"0")
        at_once(THREADS, lambda n: count_up(stores[n], "n", 5))
        assert read(stores[0], "n") == b"%d" % (5 * THREADS)

    def test_creators_and_removers_of_one_folder_do_not_disturb_each_other(
        self, again: Callable[[], Store]
    ) -> None:
        stores = [again() for _ in range(4)]

        def come_and_go(n: int) -> None:
            for turn in range(25):
                assert stores[n].create(f"deep/er/{n}", b"%d" % turn) is True
                assert read(stores[n], f"deep/er/{n}") == b"%d" % turn
                stores[n].delete(f"deep/er/{n}")

        at_once(len(stores), come_and_go)
        assert list(stores[0].list("")) == []

    def test_a_reader_never_sees_half_a_write(self, again: Callable[[], Store]) -> None:
        writer, reader = again(), again()
        values = [bytes([n]) * (100_000 + n) for n in range(4)]
        writer.put("k", values[0])
        written = threading.Event()

        def write() -> None:
            for value in values * 5:
                writer.put("k", value)
            written.set()

        def look() -> None:
            while not written.is_set():
                assert read(reader, "k") in values

        at_once(2, lambda n: (write, look)[n]())

    def test_writers_that_race_on_a_log_lose_nothing_and_repeat_nothing(
        self, again: Callable[[], Store]
    ) -> None:
        begin(again())
        stores = [again() for _ in range(4)]
        at_once(len(stores), lambda n: tell(stores[n], n, 5))
        check_writes(again(), len(stores), 5)


class SharedStoreContract(StoreContract):
    """The suite for a store that any process may open by its URL."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    def test_one_of_many_creating_processes_wins(
        self, url: str, again: Callable[[], Store]
    ) -> None:
        won = together(url, PROCESSES, "print([store.create(f'race/{n}', me) for n in range(20)])")
        store = again()
        for n, turn in enumerate(zip(*won, strict=True)):
            assert Counter(turn)[True] == 1
            assert read(store, f"race/{n}") == b"%d" % turn.index(True)

    def test_processes_lose_no_swap(self, url: str, again: Callable[[], Store]) -> None:
        again().put("n", b"0")
        together(url, PROCESSES, "print(stores.count_up(store, 'n', 10))")
        assert read(again(), "n") == b"%d" % (10 * PROCESSES)

    def test_processes_that_race_on_a_log_lose_nothing_and_repeat_nothing(
        self, url: str, again: Callable[[], Store]
    ) -> None:
        begin(again())
        together(url, PROCESSES, "print(stores.tell(store, int(me), 5))")
        check_writes(again(), PROCESSES, 5)
