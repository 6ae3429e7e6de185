"""The files of a trial's checkpoint over HTTP, and what a hostile side of it may not reach."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.storage.files import FileStore
from functions.api.files import PART_BYTES
from functions.hosting.near import Near
from tests.faults.training import place
from tests.unit.functions.api.test_api import ONE, problem
from tests.unit.functions.conftest import World
from tunelet.client import Client
from tunelet.client.artifacts import Artifacts
from tunelet.core.trial import Outcome, Verdict
from tunelet.errors import NotFound, Reject

BIG = bytes(range(256)) * (2 * PART_BYTES // 256 + 5)


class Saved:
    """An experiment of which trial 0 is the best and has saved files."""

    def __init__(self) -> None:
        self.world = World()
        self.world.running()
        launch = next(each for each in self.world.launcher.launches if each.run.number == 0)
        self.place = place(launch)
        self.files = {"epoch": b"7", "deep/er/weights": BIG, "empty": b"", "ü 1": b"x"}
        for name, data in self.files.items():
            self.world.store.put(f"{self.place}/{name}", data)
        self.world.store.put(f"{self.place}0/of-another", b"no")
        self.client = Client.over(Near(self.world.service))

    def end(self) -> None:
        outcome = Outcome(Verdict.COMPLETE, {"objective": 1.0})
        self.world.service.attempts.finish(self.world.run("digits", 0), outcome)


@pytest.fixture
def saved() -> Saved:
    return Saved()


def test_files_are_listed_page_by_page(saved: Saved) -> None:
    path = f"{ONE}/trials/0/artifacts"
    first = saved.world.api.get(f"{path}?limit=3").json
    assert first["artifacts"] == ["deep/er/weights", "empty", "epoch"]
    assert saved.world.api.get(first["next"]).json == {"artifacts": ["ü 1"], "next": None}
    assert saved.world.api.get(f"{ONE}/trials/1/artifacts").json["artifacts"] == []
    problem(saved.world.api.get(f"{ONE}/trials/9/artifacts"), 404)


def test_a_file_is_sent_whole_or_in_parts(saved: Saved) -> None:
    path = f"{ONE}/trials/0/artifact?name=deep/er/weights"
    whole = saved.world.api.get(path)
    assert (whole.status_code, whole.data) == (200, BIG)
    assert whole.headers["Content-Disposition"] == "attachment"
    part = saved.world.api.get(path, headers={"Range": f"bytes={PART_BYTES}-"})
    assert (part.status_code, part.data) == (206, BIG[PART_BYTES : 2 * PART_BYTES])
    assert part.headers["Content-Range"] == f"bytes {PART_BYTES}-{2 * PART_BYTES - 1}/*"
    last = saved.world.api.get(path, headers={"Range": f"bytes={2 * PART_BYTES}-"})
    assert last.headers["Content-Range"].endswith(f"/{len(BIG)}")
    beyond = saved.world.api.get(path, headers={"Range": f"bytes={len(BIG)}-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("?name=", 422),
        ("?name=absent", 404),
        ("?name=deep", 404),
        ("?name=../1/epoch", 422),
        ("?name=deep/../epoch", 422),
        ("?name=/epoch", 422),
        ("?name=./epoch", 422),
        ("?name=a%00b", 422),
    ],
)
def test_no_other_key_of_the_store_can_be_read(saved: Saved, query: str, status: int) -> None:
    document = problem(saved.world.api.get(f"{ONE}/trials/0/artifact{query}"), status)
    assert [error["field"] for error in document["errors"]] == ["name"] * (status == 422)


def test_the_client_reads_and_downloads_the_files_of_the_best(saved: Saved, tmp_path: Path) -> None:
    experiment = saved.client.experiment("digits")
    with pytest.raises(NotFound, match="no completed trial"):
        experiment.artifacts  # noqa: B018
    saved.end()
    assert sorted(experiment.artifacts) == sorted(saved.files)
    assert b"".join(experiment.artifacts.read("deep/er/weights")) == BIG
    for _ in range(2):
        written = experiment.artifacts.download(tmp_path / "model")
    found = {str(path.relative_to(tmp_path / "model")): path.read_bytes() for path in written}
    assert found == saved.files
    assert not list(tmp_path.glob("**/*.part"))


class Hostile:
    """A service that names files elsewhere."""

    url = "hostile"

    def stream(
        self, path: str, query: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], Iterator[bytes]]:
        return 206, {"Content-Range": "bytes 0-3/4"}, iter([b"evil"])


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/tmp/evil", "..", "C:\\evil", "a\\..\\..\\evil", "link/evil"],
)
def test_a_download_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    folder, outside = tmp_path / "model", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    hostile: Any = Hostile()
    artifacts = Artifacts(hostile, "/t", lambda *_: iter([name]))
    with pytest.raises(Reject, match="leads out of"):
        artifacts.download(folder)
    assert [path.name for path in tmp_path.glob("**/*")] == ["model", "outside", "link"]


def test_links_and_pipes_in_a_checkpoint_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    store = FileStore(tmp_path / "store")
    store.put("v1/other/weights", b"of another")
    store.put("v1/trial/weights", b"mine")
    folder = tmp_path / "store" / "v1" / "trial"
    (folder / "to-file").symlink_to(tmp_path / "secret")
    (folder / "to-key").symlink_to(tmp_path / "store" / "v1" / "other" / "weights")
    (folder / "to-folder").symlink_to(tmp_path / "store" / "v1" / "other")
    os.mkfifo(folder / "pipe")
    for name in ("to-file", "to-key", "to-folder/weights", "pipe"):
        assert store.part(f"v1/trial/{name}", 0, 100) is None
    for name in ("to-file", "to-key", "to-folder/weights"):
        assert not store.copy(f"v1/trial/{name}", f"v1/child/{name}")
    assert not list(store.list("v1/child/"))
    assert store.copy("v1/trial/weights", "v1/child/weights")
    assert store.part("v1/trial/weights", 1, 2) == b"in"


def test_a_store_below_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = FileStore(tmp_path / "link" / "store")
    store.put("a/b", b"1")
    assert store.part("a/b", 0, 9) == b"1"
