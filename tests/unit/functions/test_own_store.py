"""A tenant's own store names its setting, and is opened again with changed credentials."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from adapters.storage.memory import MemoryStore
from adapters.storage.wrapper import Kind, StoreWrapper
from functions.own_store import OwnStore, seen_files
from tunelet.errors import FieldError, Reject, Retry

T = TypeVar("T")
REFUSED = Reject(
    "s3://v: 403; renew them", [FieldError("TUNELET_STORE", "s3://v", "403", "renew them")]
)


class Locked(StoreWrapper):
    """A store that only the present key opens; a listing is refused at its second key."""

    def __init__(self, inner: MemoryStore, key: str, lock: list[str]) -> None:
        super().__init__(inner)
        self._key, self._lock = key, lock

    def request(self, kind: Kind, send: Callable[[], T]) -> T:
        if self._key != self._lock[0]:
            raise REFUSED
        return send()

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        for number, key in enumerate(self.inner.list(prefix, after, limit)):
            if number and self._key != self._lock[0]:
                raise REFUSED
            yield key


class House:
    """A bucket with a lock, a folder with a key, and the store over both."""

    def __init__(self, folder: Path) -> None:
        self.file, self.bucket, self.lock = folder / "KEY", MemoryStore(), ["old"]
        self.opened = 0
        self.file.write_text("old")
        self.store = OwnStore("TUNELET_STORES.vision", self._open, lambda: seen_files(str(folder)))

    def _open(self) -> Locked:
        self.opened += 1
        return Locked(self.bucket, self.file.read_text(), self.lock)

    def rotate(self) -> None:
        self.lock[0] = "renewed"
        self.file.write_text("renewed")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_renewed_key_is_read_when_the_old_one_is_refused(house: House) -> None:
    assert house.store.create("a", b"1")
    house.rotate()
    assert not house.store.create("a", b"2")
    found = house.store.get("a")
    assert found is not None
    assert found.data == b"1"
    assert house.opened == 2


def test_a_listing_continues_with_the_renewed_key(house: House) -> None:
    for key in ("a", "b", "c", "d"):
        house.store.put(key, b"")
    for limit, expected in ((None, ["b", "c", "d"]), (2, ["b"])):
        house.lock[0] = "old"
        house.file.write_text("old")
        keys = house.store.list("", limit=limit)
        assert next(keys) == "a"
        house.rotate()
        assert list(keys) == expected


def test_a_refusal_with_the_same_files_names_the_tenants_setting_and_opens_nothing(
    house: House,
) -> None:
    house.lock[0] = "another"
    for _ in range(3):
        with pytest.raises(Reject, match=r"TUNELET_STORES\.vision: s3://v: 403") as refusal:
            house.store.get("a")
        (error,) = refusal.value.errors
        assert error == ("TUNELET_STORES.vision", "s3://v", "403", "renew them")
    assert house.opened == 1


def test_wrong_files_are_tried_once(house: House) -> None:
    house.store.put("a", b"")
    house.lock[0] = "renewed"
    house.file.write_text("mistaken")
    for _ in range(3):
        with pytest.raises(Reject, match="TUNELET_STORES"):
            house.store.get("a")
    assert house.opened == 2
    house.rotate()
    assert house.store.get("a") is not None


def test_other_faults_open_nothing_again(house: House) -> None:
    def away(kind: Kind, send: Callable[[], T]) -> T:
        raise Retry("no answer")

    house.store.put("a", b"")
    opened = house.store._current().store
    opened.request = away  # type: ignore[attr-defined]
    house.file.write_text("changed")
    with pytest.raises(Retry):
        house.store.get("a")
    assert house.opened == 1


def test_files_of_another_tenant_in_the_folder_are_no_change(tmp_path: Path) -> None:
    (tmp_path / "vision.KEY").write_text("1")
    before = seen_files(str(tmp_path / "vision"))
    assert len(before) == 1
    (tmp_path / "audio.KEY").write_text("1")
    assert seen_files(str(tmp_path / "vision")) == before
    (tmp_path / "vision.KEY").write_text("22")
    assert seen_files(str(tmp_path / "vision")) != before
