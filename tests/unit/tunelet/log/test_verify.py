"""Missing, altered and foreign objects in a log are named; derived ones can be removed."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from adapters.storage.files import FileStore
from adapters.storage.memory import MemoryStore
from tests.specs import SPEC
from tunelet.cli import main
from tunelet.core import commands as c
from tunelet.core.trial import Outcome, Verdict
from tunelet.log.compaction import WINDOW
from tunelet.log.entry import FORMAT, decode, encode
from tunelet.log.journal import Journal
from tunelet.log.purge import PURGE_AFTER
from tunelet.log.reader import entry_key
from tunelet.log.verify import experiments, repair, verify
from tunelet.ports import Store

PATH = "v1/default/e/"


def log(store: Store, trials: int = 250, name: str = "e") -> Journal:
    """Some 750 entries: windows close, and segments are joined."""
    return lived(Journal(store, "default", name), trials, name)


def lived(journal: Journal, trials: int, name: str = "e") -> Journal:
    journal.commit(c.Submit("u", SPEC | {"name": name}))
    for n in range(trials):
        journal.commit(c.AddTrials(n, ({"x": n},)))
        journal.commit(c.Start(n, 1))
        journal.commit(c.Finish(n, 1, Outcome(Verdict.COMPLETE, {"objective": float(n)})))
    return journal


def findings(store: Store) -> list[tuple[str, str]]:
    found = verify(store, "default", "e").findings
    return [(each.key.removeprefix(PATH), each.message) for each in found]


def bytes_of(store: Store, seq: int) -> bytes:
    stored = store.get(entry_key(PATH, seq))
    assert stored is not None
    return stored.data


@pytest.fixture(scope="module")
def whole() -> MemoryStore:
    store = MemoryStore()
    log(store)
    return store


@pytest.fixture
def store(whole: MemoryStore) -> MemoryStore:
    copy = MemoryStore()
    for key in whole.list(""):
        stored = whole.get(key)
        assert stored is not None
        copy.put(key, stored.data)
    return copy


def test_a_whole_log_has_nothing_wrong(store: MemoryStore) -> None:
    verdict = verify(store, "default", "e")
    assert (verdict.findings, verdict.entries, verdict.trials) == ((), 751, 250)
    assert list(store.list(f"{PATH}segments/1/"))


def test_an_altered_entry_is_named_and_no_other(store: MemoryStore) -> None:
    store.put(entry_key(PATH, 70), bytes_of(store, 70).replace(b"number", b"numbeR"))
    assert findings(store)[0] == (
        "journal/00000000000000000070.json",
        "entry 70 is altered: its checksum does not fit",
    )
    assert [key for key, _ in findings(store) if key.startswith("journal/")] == [
        findings(store)[0][0]
    ]


def test_missing_entries_are_named(store: MemoryStore) -> None:
    for seq in (1, 70, 71, 72, 400):
        store.delete(entry_key(PATH, seq))
    messages = [message for key, message in findings(store) if key.startswith("journal/")]
    assert messages == [
        "entry 1 is missing",
        "entries 70 to 72 are missing",
        "entry 400 is missing",
    ]


class _Growing(MemoryStore):
    """A folder that is listed while entries are written: one is missed, its successor is not."""

    missed = entry_key(PATH, 3)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        return (key for key in super().list(prefix, after, limit) if key != self.missed)


def test_an_entry_that_a_listing_missed_is_not_missing() -> None:
    store = _Growing()
    log(store, 5)
    assert findings(store) == []
    assert verify(store, "default", "e").entries == 16


def test_entries_that_changed_places_are_both_named(store: MemoryStore) -> None:
    one, other = bytes_of(store, 30), bytes_of(store, 40)
    store.put(entry_key(PATH, 30), other)
    store.put(entry_key(PATH, 40), one)
    keys = [key for key, message in findings(store) if "foreign" in message]
    assert keys == ["journal/00000000000000000030.json", "journal/00000000000000000040.json"]


def test_a_foreign_entry_with_a_right_checksum_is_named(store: MemoryStore) -> None:
    entry, _ = decode(bytes_of(store, 30), 30)
    store.put(entry_key(PATH, 30), encode(msgspec.structs.replace(entry, prev="0" * 64))[0])
    messages = [message for key, message in findings(store) if key.startswith("journal/")]
    assert [message.partition(":")[0] for message in messages] == [
        "entry 30 is foreign",
        "entry 31 is foreign",
    ]


def test_an_entry_of_a_newer_version_is_named(store: MemoryStore) -> None:
    entry, _ = decode(bytes_of(store, 30), 30)
    store.put(entry_key(PATH, 30), encode(msgspec.structs.replace(entry, format=FORMAT + 1))[0])
    assert "upgrade" in findings(store)[0][1]


def test_a_foreign_object_in_the_log_is_named(store: MemoryStore) -> None:
    store.put(f"{PATH}journal/readme.txt", b"")
    assert findings(store) == [("journal/readme.txt", "is no entry of a log")]


@pytest.mark.parametrize("kind", ["snapshots", "segments/0", "segments/1"])
def test_wrong_derived_objects_are_not_damage_and_can_be_removed(
    store: MemoryStore, kind: str
) -> None:
    key = next(store.list(f"{PATH}{kind}/"))
    stored = store.get(key)
    assert stored is not None
    store.put(key, stored.data.replace(b"1", b"2", 1))
    verdict = verify(store, "default", "e")
    assert key in [finding.key for finding in verdict.findings]
    assert not verdict.damaged
    repair(store, verdict)
    assert store.get(key) is None
    assert not verify(store, "default", "e").findings
    trials = [trial.number for trial in Journal(store, "default", "e").history()[1]]
    assert trials == sorted(trials)


def test_a_segment_that_follows_from_no_entry_is_named(store: MemoryStore) -> None:
    store.put(f"{PATH}segments/0/00000000000000000007.json", b"")
    assert findings(store) == [
        ("segments/0/00000000000000000007.json", "does not follow from the log")
    ]


def test_the_objects_after_a_purge_are_not_damage() -> None:
    store = MemoryStore()
    journal = log(store, 30)
    early = bytes_of(store, 2)
    journal.commit(c.Delete())
    later = Journal(store, "default", "e", clock=lambda: journal._clock() + 2 * PURGE_AFTER)
    assert later.purge()
    store.put(entry_key(PATH, 2), early)
    assert findings(store) == []
    log(store, 50)
    assert findings(store) == []
    assert verify(store, "default", "e").trials == 50


def test_a_tombstone_that_closes_a_window_gives_the_same_to_all() -> None:
    """For the process that wrote it, and for those that begin after it after the purge."""
    store = MemoryStore()
    journal = log(store, 20)
    for n in range(20, 22):
        journal.commit(c.AddTrials(n, ({"x": n},)))
    journal.commit(c.Delete())
    later = Journal(store, "default", "e", clock=lambda: journal._clock() + 2 * PURGE_AFTER)
    assert later.purge()
    assert entry_key(PATH, WINDOW) in store.list(f"{PATH}journal/")
    lived(journal, 250)
    assert findings(store) == []
    assert list(store.list(f"{PATH}segments/1/"))


def test_a_tombstone_that_is_missing_is_named() -> None:
    store = MemoryStore()
    journal = log(store, 1)
    journal.commit(c.Delete())
    later = Journal(store, "default", "e", clock=lambda: journal._clock() + 2 * PURGE_AFTER)
    assert later.purge()
    store.delete(entry_key(PATH, 5))
    assert [message.partition(":")[0] for _, message in findings(store)] == ["entry 5 is missing"]


def test_experiments_are_found_by_their_objects() -> None:
    store = MemoryStore()
    for name in ("b", "a", "a-b"):
        log(store, 1, name)
    assert list(experiments(store)) == [("default", "a-b"), ("default", "a"), ("default", "b")]
    assert list(experiments(store, "other")) == []


def test_the_command_names_the_damage_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = FileStore(tmp_path)
    log(store, 5)
    log(store, 5, "other")
    assert main(["verify", tmp_path.as_uri()]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["default/e", "sound", "16", "5"]
    store.delete(entry_key(PATH, 3))
    assert main(["verify", tmp_path.as_uri(), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["experiments"]
    assert [(each["name"], each["damaged"]) for each in found] == [("e", True), ("other", False)]
    assert main(["verify", tmp_path.as_uri(), "other"]) == 0
    assert main(["verify", tmp_path.as_uri(), "absent"]) == 3


def test_the_command_makes_no_folder_to_look_into(tmp_path: Path) -> None:
    assert main(["verify", (tmp_path / "misspelt").as_uri()]) == 3
    assert not (tmp_path / "misspelt").exists()
