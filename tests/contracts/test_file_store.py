"""The store of files in a folder: its contract, and special cases of files."""

import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.storage import open_store
from adapters.storage.files import FileStore
from tests.contracts.processes import begun, go
from tests.contracts.stores import SharedStoreContract, read
from tunelet.errors import Reject, Retry
from tunelet.ports import Store


class TestFileStore(SharedStoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return (tmp_path / "store").as_uri()

    @pytest.fixture
    def again(self, url: str) -> Callable[[], Store]:
        return lambda: open_store(url)


def remove_all(store: Store, prefix: str) -> None:
    for key in list(store.list(prefix)):
        store.delete(key)


def folders(root: Path) -> list[str]:
    return [
        str(p.relative_to(root)) for p in root.rglob("*") if p.is_dir() and ".tunelet" not in str(p)
    ]


@pytest.mark.parametrize("write", ["create(f'a/{n}', data)", "put('a/0', data)"])
def test_a_process_that_is_killed_while_it_writes_leaves_no_half_object(
    tmp_path: Path, write: str
) -> None:
    size = 1_000_000
    text = f"for n in range(10**6):\n    data = b'%07d' % n * {size // 7}\n    store.{write}\n"
    for delay in (0.05, 0.11, 0.17):
        process = begun(tmp_path.as_uri(), text)
        go(process)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        store = FileStore(tmp_path)
        keys = list(store.list(""))
        for key in keys:
            data = read(store, key)
            assert data == data[:7] * (size // 7)
            store.delete(key)
        assert all(key.startswith("a/") for key in keys)
        assert store.create("a/0", b"after")
        store.delete("a/0")


def test_a_removal_does_not_follow_links_out_of_the_store(tmp_path: Path) -> None:
    mine, store = tmp_path / "mine", FileStore(tmp_path / "store")
    mine.mkdir()
    (mine / "precious").write_text("1")
    store.put("trials/0/model", b"")
    folder = tmp_path / "store" / "trials" / "0"
    (folder / "folder").symlink_to(mine)
    (folder / "file").symlink_to(mine / "precious")
    assert list(store.list("trials/")) == [f"trials/0/{n}" for n in ("file", "folder", "model")]
    remove_all(store, "trials/")
    assert list(store.list("")) == []
    assert (mine / "precious").read_text() == "1"


def test_links_in_a_circle_and_to_nowhere_are_removed_as_they_are(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("a/x", b"")
    (tmp_path / "a" / "self").symlink_to("self")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "nowhere").symlink_to("none")
    assert list(store.list("")) == ["a/nowhere", "a/self", "a/up", "a/x"]
    remove_all(store, "a/")
    assert folders(tmp_path) == []


def test_names_that_are_not_utf_8_are_listed_in_order_and_can_be_removed(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("a/x", b"")
    store.put("a/\ufffd", b"")
    for name in (b"a/\xff", b"a/\x80b"):
        (Path(os.fsdecode(bytes(tmp_path) + b"/" + name))).write_bytes(b"1")
    keys = list(store.list("a/"))
    assert [os.fsencode(key) for key in keys] == [
        b"a/x",
        b"a/\x80b",
        "a/\ufffd".encode(),
        b"a/\xff",
    ]
    assert list(store.list("a/", after=keys[1])) == keys[2:]
    remove_all(store, "a/")
    assert folders(tmp_path) == []


def test_folders_go_with_the_last_object_in_them(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    store.put("live/default/one/1", b"")
    store.put("live/default/two/1", b"")
    store.delete("live/default/one/1")
    assert folders(tmp_path / "store") == ["live", "live/default", "live/default/two"]
    store.delete("live/default/two/1")
    assert folders(tmp_path / "store") == []
    assert (tmp_path / "store").is_dir()


def test_the_folder_is_its_owners_only(tmp_path: Path) -> None:
    FileStore(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "prefix", ["../", "/", "a/../../", "../outside/", "./", ".tunelet/", "a//"]
)
def test_a_listing_shows_only_valid_keys(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"")
    store = FileStore(tmp_path / "root")
    store.put("a/b", b"")
    assert list(store.list(prefix)) == []
    with pytest.raises(Reject):
        store.put(".tunelet/locks/1", b"")


@pytest.mark.parametrize("unnamed", [True, False], ids=["unnamed", "named"])
def test_the_first_of_two_creates_of_a_key_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unnamed: bool
) -> None:
    """Also where files cannot begin without a name."""
    if not unnamed:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    store = FileStore(tmp_path)
    assert store.create("a/b", b"one")
    assert not store.create("a/b", b"two")
    assert read(store, "a/b") == b"one"


@pytest.mark.parametrize("other", ["a", "a/b/c"])
def test_a_key_below_another_is_refused(tmp_path: Path, other: str) -> None:
    store = FileStore(tmp_path)
    store.put("a/b", b"one")
    for use in (lambda: store.create(other, b""), lambda: store.put(other, b"")):
        with pytest.raises(Reject):
            use()
    store.delete(other)
    assert store.get(other) is None
    assert read(store, "a/b") == b"one"


def test_a_key_that_is_too_long_for_the_file_system_is_refused(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    for key in ("k" * 300, "k/" * 3000 + "k"):
        for use in (lambda k=key: store.create(k, b""), lambda k=key: store.put(k, b"")):  # type: ignore[misc]
            with pytest.raises(Reject, match="longer"):
                use()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_object_is_a_fault_and_not_absent(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put("a/b", b"")
    (tmp_path / "a").chmod(0)
    for use in (lambda: store.get("a/b"), lambda: list(store.list("a/"))):
        with pytest.raises(Retry, match="Permission denied"):
            use()
    (tmp_path / "a").chmod(0o700)


def test_the_folder_may_have_an_odd_name_and_is_found_by_its_url(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "ä b%20c#d?e")
    store.put("a", b"one")
    assert read(open_store(store.url), "a") == b"one"


def test_a_url_that_names_no_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for url in ("file://host/a", "file:a", "file:///a?b=c", (tmp_path / "file" / "x").as_uri()):
        with pytest.raises(Reject, match=r"folder|made") as caught:
            open_store(url)
        assert "\n" not in str(caught.value)
