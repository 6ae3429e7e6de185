"""Lists read no log that has not changed, and are never older than their request."""

import hashlib
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest

from adapters.storage.memory import MemoryStore
from algorithms import load_catalog
from functions.events.outbox import Nowhere
from tests.faults.training import ScriptedLauncher
from tests.unit.functions.conftest import SMALLEST
from tunelet.assembly import assembled
from tunelet.core.summary import Summary, summary
from tunelet.errors import Retry
from tunelet.log.markers import index_key
from tunelet.log.purge import PURGE_AFTER
from tunelet.log.summaries import AT_REST, FORMAT, STORED_BYTES
from tunelet.log.tail import FRESH
from tunelet.ports import Stored
from tunelet.service import Service

SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
NAMES = ("a", "b", "c")


class Watched(MemoryStore):
    """Keeps the keys of its reads, and may be read-only."""

    read_only = False

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []
        self.listings: list[str] = []

    def get(self, key: str) -> Stored | None:
        self.reads.append(key)
        return super().get(key)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        self.listings.append(prefix)
        return super().list(prefix, after, limit)

    def replace(self, key: str, data: bytes, version: str) -> bool:
        if self.read_only:
            raise Retry("this store is read-only")
        return super().replace(key, data, version)


class Place:
    """Experiments that have ended, and any number of processes."""

    def __init__(self) -> None:
        self.store, self.now = Watched(), 1000.0
        self.launcher = ScriptedLauncher()
        self.writer = self.process()
        for name in NAMES:
            self.submit(name)
            self.writer.stop("default", name)

    def process(self) -> Service:
        return assembled(
            *(self.store, self.launcher, load_catalog(), Nowhere()),
            secret=bytes(16),
            api_url="http://127.0.0.1:1",
            clock=lambda: self.now,
        )

    def submit(self, name: str) -> None:
        self.writer.submit({**SMALLEST, "hyperparameters": SPACE, "name": name})

    def rests(self) -> None:
        """Let time pass, and sweep."""
        self.now += max(AT_REST, PURGE_AFTER) + 1
        self.process().sweep()

    def read_by(self, process: Service) -> int:
        """List; returns the number of requests besides the listing of the names.

        Checks that the rows are those of the logs.
        """
        self.store.reads.clear()
        self.store.listings.clear()
        rows = listed(process)
        reads = len(self.store.reads) + len(self.store.listings) - 1
        page, _ = self.process().experiments("default")
        assert rows == [summary(experiment) for experiment in page]
        return reads

    def uid(self, name: str) -> str:
        return self.process().experiment("default", name).uid

    def note(self, name: str) -> str:
        return index_key("default", name, self.uid(name))

    def stored(self, name: str) -> dict[str, Any]:
        """The summary that is stored, with what is beside it."""
        found = self.store.get(self.note(name))
        assert found is not None
        return cast("dict[str, Any]", msgspec.json.decode(found.data))


def listed(process: Service) -> list[Summary]:
    return process.overview("default")[0]


@pytest.fixture
def place() -> Place:
    return Place()


def test_what_has_not_changed_is_listed_with_one_read_each(place: Place) -> None:
    process = place.process()
    assert place.read_by(process) > 3 * len(NAMES)
    assert place.read_by(process) == len(NAMES)
    place.now += FRESH
    assert place.read_by(process) == 2 * len(NAMES)  # also whether it was purged meanwhile


def test_a_running_experiment_that_has_not_changed_is_not_read_again(place: Place) -> None:
    place.submit("running")
    process = place.process()
    listed(process)
    assert place.read_by(process) == len(NAMES) + 1
    place.store.reads.clear()
    live, _ = process.live("default")
    assert [row.name for row in live] == [*NAMES, "running"]
    assert len(place.store.reads) == len(NAMES) + 1


def test_a_new_process_reads_no_log_of_an_experiment_at_rest(place: Place) -> None:
    place.rests()
    assert not place.process().live("default")[0]
    assert place.read_by(place.process()) == 4 * len(NAMES)


def test_a_list_stores_what_it_had_to_read_of_experiments_at_rest(place: Place) -> None:
    place.now += AT_REST - 1
    listed(place.process())
    assert place.read_by(place.process()) > 4 * len(NAMES)
    place.now += 2
    listed(place.process())
    assert place.read_by(place.process()) == 4 * len(NAMES)


def test_a_store_that_refuses_the_summaries_is_listed_all_the_same(place: Place) -> None:
    place.now += AT_REST + 1
    place.store.read_only = True
    assert [row.name for row in listed(place.process())] == list(NAMES)


@pytest.mark.parametrize("new", [True, False], ids=["new process", "same process"])
@pytest.mark.parametrize("seconds", [0.0, FRESH + 1], ids=["at once", "later"])
def test_each_change_by_another_process_is_listed(place: Place, new: bool, seconds: float) -> None:
    place.rests()
    old = place.process()
    listed(old)
    another = place.process()
    for change in (
        lambda: another.interventions.label("default", "b", {"team": "vision"}),
        lambda: another.extend("default", "b", {"max_trials": 77}),
        lambda: another.resume("default", "b"),
        lambda: another.pause("default", "b"),
        lambda: another.stop("default", "b"),
    ):
        change()
        place.now += seconds
        process = place.process() if new else old
        assert place.read_by(process) > len(NAMES)  # the check of the rows is in there


@pytest.mark.parametrize("seconds", [0.0, FRESH + 1], ids=["at once", "later"])
def test_a_deleted_experiment_is_not_listed(place: Place, seconds: float) -> None:
    place.rests()
    old = place.process()
    listed(old)
    place.process().delete("default", "b")
    place.now += seconds
    for process in (old, place.process()):
        assert [row.name for row in listed(process)] == ["a", "c"]


def test_a_purged_experiment_is_not_listed_though_its_marker_was_left(place: Place) -> None:
    place.rests()
    old, note = place.process(), place.note("b")
    listed(old)
    kept = place.store.get(note)
    assert kept is not None
    another = place.process()
    another.resume("default", "b")  # so that the tombstone is not the next entry
    another.pause("default", "b")
    another.delete("default", "b")
    place.rests()
    place.store.put(note, kept.data)
    for process in (old, place.process()):
        assert [row.name for row in listed(process)] == ["a", "c"]


def test_another_life_of_the_name_is_listed_as_itself(place: Place) -> None:
    place.rests()
    old = place.process()
    listed(old)
    place.process().delete("default", "b")
    place.submit("b")
    place.read_by(old)
    place.rests()
    place.read_by(old)
    place.read_by(place.process())


def test_a_late_summary_does_not_bring_back_the_marker_of_a_deleted_experiment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.now += AT_REST + 1
    note, replace = place.note("b"), place.store.replace

    def deleted_first(key: str, data: bytes, version: str) -> bool:
        place.store.delete(note)
        return replace(key, data, version)

    monkeypatch.setattr(place.store, "replace", deleted_first)
    listed(place.process())
    assert place.store.get(note) is None


@pytest.mark.parametrize(
    "data",
    [b"{", b"\xff", b"null", b'{"format":1}', b'{"x":' + b"[" * 100_000],
    ids=["half", "binary", "null", "members", "deep"],
)
def test_an_unreadable_summary_is_passed_over_and_replaced(place: Place, data: bytes) -> None:
    place.rests()
    place.store.put(place.note("b"), data)
    assert place.read_by(place.process()) > 4 * len(NAMES)
    assert place.read_by(place.process()) == 4 * len(NAMES)


def test_a_summary_of_another_version_is_passed_over(place: Place) -> None:
    place.rests()
    note = place.stored("b")
    assert note["format"] == FORMAT
    note["format"], note["summary"]["state"] = FORMAT + 1, "RUNNING"
    place.store.put(place.note("b"), msgspec.json.encode(note))
    place.read_by(place.process())


@pytest.mark.parametrize(
    "members",
    [{"submitted_at": 1e300}, {"ended_at": -1.0}, {"labels": {"x": "y" * STORED_BYTES}}],
    ids=["late", "early", "long"],
)
def test_a_summary_that_no_service_writes_is_passed_over(
    place: Place, members: dict[str, Any]
) -> None:
    """A tenant may be able to write it. Otherwise a list could not show its times."""
    place.rests()
    note = place.stored("b")
    note["summary"] |= members
    place.store.put(place.note("b"), msgspec.json.encode(note))
    place.read_by(place.process())


def test_a_summary_newer_than_the_log_is_passed_over_and_replaced(place: Place) -> None:
    """As in a copy of a store that services were using."""
    place.writer.resume("default", "b")
    place.writer.pause("default", "b")
    keys = [*place.store.list("v1/default/b/")]
    place.writer.stop("default", "b")
    place.rests()
    [newer] = {*place.store.list("v1/default/b/journal/")} - {*keys}
    place.store.delete(newer)
    place.read_by(place.process())
    place.process().stop("default", "b")  # another entry of the same number
    assert place.store.get(newer) is not None
    place.read_by(place.process())
    place.rests()
    place.read_by(place.process())
    assert place.read_by(place.process()) == 4 * len(NAMES)


def test_an_experiment_without_its_log_is_not_listed(place: Place) -> None:
    place.rests()
    for key in [*place.store.list("v1/default/b/")]:
        place.store.delete(key)
    assert [row.name for row in listed(place.process())] == ["a", "c"]


@pytest.mark.parametrize("body", [b"{}", b"{x}", b'{"x":' + b"[" * 100_000 + b"}"])
def test_an_entry_that_no_service_writes_hides_no_other_experiment(
    place: Place, body: bytes
) -> None:
    """A tenant may be able to write it, with a checksum that fits."""
    checksum = hashlib.sha256(body).hexdigest().encode()
    [*_, newest] = place.store.list("v1/default/b/journal/")
    place.store.put(newest, body[:-1] + b',"sum":"%s"}' % checksum)
    states = {row.name: row.state for row in listed(place.process())}
    assert states == {"a": "STOPPED", "b": "DAMAGED", "c": "STOPPED"}


def test_large_summaries_are_kept_up_to_a_number_of_bytes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenant with many of them would otherwise fill the memory of all tenants' process."""
    place.rests()
    one = len(msgspec.json.encode(place.stored("a")))
    monkeypatch.setattr("tunelet.log.summaries.KEPT_BYTES", 2 * one)
    process = place.process()
    listed(process)
    assert place.read_by(process) > 2 * len(NAMES)


def test_a_summary_names_only_the_experiment_of_its_marker(place: Place) -> None:
    place.rests()
    note = place.stored("b")
    note["summary"] |= {"name": "z", "namespace": "another"}
    place.store.put(place.note("b"), msgspec.json.encode(note))
    assert [(row.namespace, row.name) for row in listed(place.process())] == [
        ("default", name) for name in NAMES
    ]
