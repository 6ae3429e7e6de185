"""A file store without its folder, read-only or full raises an error, and makes nothing."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.storage.atomic_file import make_folders
from adapters.storage.files import FileStore
from tests.contracts.processes import ROOT
from tests.contracts.stores import stored
from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.experiment_state import ExperimentState
from tunelet.errors import Unavailable
from tunelet.log.journal import Journal
from tunelet.ports import Store

WRITES: dict[str, Callable[[Store, str], object]] = {
    "create": lambda store, _: store.create("new", b"2"),
    "create below": lambda store, _: store.create("new/folder/key", b"2"),
    "put": lambda store, _: store.put("key", b"2"),
    "put below": lambda store, _: store.put("new/folder/key", b"2"),
    "replace": lambda store, version: store.replace("key", b"2", version),
    "copy": lambda store, _: store.copy("key", "copied"),
    "delete": lambda store, _: store.delete("key"),
}
READS: dict[str, Callable[[Store, str], object]] = {
    "get": lambda store, _: store.get("key"),
    "get of an absent key": lambda store, _: store.get("absent"),
    "list": lambda store, _: list(store.list("")),
    "list below": lambda store, _: list(store.list("folder/")),
    "copy of an absent key": lambda store, _: store.copy("absent", "copied"),
    "delete of an absent key": lambda store, _: store.delete("absent"),
    "delete below": lambda store, _: store.delete("folder/absent"),
}
PLACES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda root: None,
    "an empty folder": lambda root: root.mkdir(),
    "another store": FileStore,
    "a file": lambda root: root.write_bytes(b""),
}


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    store = FileStore(tmp_path / "store")
    store.put("key", b"1")
    store.put("folder/key", b"1")
    return store


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("call", [*READS, *WRITES, "ready"])
def test_a_store_without_its_folder_refuses_every_call_and_makes_nothing(
    store: FileStore, tmp_path: Path, place: str, call: str
) -> None:
    version = stored(store, "key").version
    (tmp_path / "store").rename(tmp_path / "away")
    PLACES[place](tmp_path / "store")
    before = sorted(tmp_path.rglob("*"))
    calls = {**READS, **WRITES, "ready": lambda store, _: store.ready()}
    with pytest.raises(Unavailable, match=str(tmp_path / "store")):
        calls[call](store, version)
    assert sorted(tmp_path.rglob("*")) == before


def test_folders_are_never_made_with_a_root_that_is_gone(tmp_path: Path) -> None:
    """It may go at any moment, also just before a folder is made in it."""
    root = tmp_path / "store"
    with pytest.raises(FileNotFoundError):
        make_folders(str(root / "a" / "b"), str(root))
    assert not root.exists()


def test_a_store_continues_when_its_folder_comes_back(store: FileStore, tmp_path: Path) -> None:
    version = stored(store, "key").version
    (tmp_path / "store").rename(tmp_path / "away")
    with pytest.raises(Unavailable):
        store.ready()
    (tmp_path / "away").rename(tmp_path / "store")
    store.ready()
    assert store.replace("key", b"2", version)
    assert list(store.list("")) == ["folder/key", "key"]


def test_a_folder_that_was_copied_back_is_still_the_store(store: FileStore, tmp_path: Path) -> None:
    """From a backup: other inodes, the same store."""
    subprocess.run(["cp", "-R", tmp_path / "store", tmp_path / "copy"], check=True)
    (tmp_path / "store").rename(tmp_path / "away")
    (tmp_path / "copy").rename(tmp_path / "store")
    assert stored(store, "key").data == b"1"
    store.ready()


def test_a_change_is_refused_while_the_folder_is_away_and_none_that_was_made_is_lost(
    tmp_path: Path,
) -> None:
    root = tmp_path / "store"
    journal = Journal(FileStore(root), "default", "e", sleep=_never)
    journal.commit(c.Submit("u", SPEC))
    root.rename(tmp_path / "away")
    for _ in range(2):
        with pytest.raises(Unavailable):
            journal.commit(c.Pause())
        with pytest.raises(Unavailable):
            journal.peek()
    (tmp_path / "away").rename(root)
    assert journal.read().state is ExperimentState.RUNNING
    assert journal.commit(c.Pause()).state is ExperimentState.PAUSED
    assert Journal(FileStore(root), "default", "e").read().state is ExperimentState.PAUSED


READ_ONLY = "subprocess.run(['mount', '-o', 'remount,ro', root], check=True)"
FULL = """
with suppress(OSError), open(root / "filler", "wb", buffering=0) as filler:
    while filler.write(bytes(4096)):
        pass
"""
REASONS = {READ_ONLY: "Read-only file system", FULL: "No space left on device"}

SCRIPT = """
import subprocess, sys
from contextlib import suppress
from pathlib import Path
from adapters.storage.files import FileStore
from tests.contracts.test_file_store_away import WRITES, READS, refuses, SPEC, c, _never
from tunelet.errors import Unavailable
from tunelet.log.journal import Journal

root = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", root], check=True)
store = FileStore(root)
store.put("key", b"1")
journal = Journal(store, "default", "e", sleep=_never)
journal.commit(c.Submit("u", SPEC))
"""


@pytest.mark.parametrize("fault", REASONS, ids=["read-only", "full"])
def test_a_read_only_store_refuses_writes_with_the_reason_and_is_readable(
    tmp_path: Path, fault: str
) -> None:
    in_mounts_of_its_own(
        tmp_path,
        f"{SCRIPT}{fault}"
        f"""
version = store.get("key").version
for name, write in WRITES.items():
    if name == "delete" and {fault == FULL}:
        continue  # which makes room
    refuses(lambda: write(store, version), {REASONS[fault]!r})
refuses(store.ready, {REASONS[fault]!r})
for _ in range(2):
    refuses(lambda: journal.commit(c.Pause()), {REASONS[fault]!r})
    assert journal.peek().state == "RUNNING"
assert store.get("key").data == b"1"
assert store.get("absent") is None
assert "key" in list(store.list(""))
""",
    )


def test_a_store_that_is_writable_again_needs_no_restart(tmp_path: Path) -> None:
    in_mounts_of_its_own(
        tmp_path,
        f"{SCRIPT}{READ_ONLY}"
        f"""
refuses(lambda: journal.commit(c.Pause()), "Read-only")
subprocess.run(["mount", "-o", "remount,rw", root], check=True)
store.ready()
assert journal.commit(c.Pause()).state == "PAUSED"
""",
    )


def test_a_store_that_was_read_only_at_the_start_can_be_read(tmp_path: Path) -> None:
    in_mounts_of_its_own(
        tmp_path,
        f"{SCRIPT}{READ_ONLY}"
        """
again = FileStore(root)
assert again.get("key").data == b"1"
refuses(again.ready, "Read-only")
""",
    )


def refuses(call: Callable[[], object], reason: str) -> None:
    with pytest.raises(Unavailable, match=reason):
        call()


def _never(seconds: float) -> None:
    raise AssertionError("it waits for what does not pass")


def in_mounts_of_its_own(root: Path, script: str) -> None:
    """Run the script in a process that may mount, for itself alone."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a system that lets users have mounts of their own")
    ended = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", script, root],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
