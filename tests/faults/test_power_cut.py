"""Acknowledged writes survive a power cut, on a disk that forgets unsynced writes."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.launchers.installation import installation
from adapters.launchers.local.folder import Plan, RunFolder
from adapters.storage.files import FileStore
from functions.hosting import data_folder
from tests.contracts.launchers import RUN, STDOUT
from tests.contracts.stores import stored
from tests.faults.power import PowerCut
from tests.specs import SPEC
from tunelet.cli import main
from tunelet.core import commands as c
from tunelet.log.journal import Journal
from tunelet.ports import Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

REPOSITORY = Path(__file__).parents[2]
SHIM = REPOSITORY / "adapters" / "launchers" / "local" / "shim.py"

KEY = "v1/default/e/journal/1"
CHANGES: dict[str, Callable[[Store], object]] = {
    "create": lambda store: store.create(KEY, b"new"),
    "create beside another": lambda store: store.create("old/2", b"new"),
    "put": lambda store: store.put(KEY, b"new"),
    "put over another": lambda store: store.put("old/1", b"new"),
    "replace": lambda store: store.replace("old/1", b"new", stored(store, "old/1").version),
    "copy": lambda store: store.copy("old/1", KEY),
    "delete": lambda store: store.delete("old/1"),
}


@pytest.fixture
def power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PowerCut:
    (tmp_path / "disk").mkdir()
    power = PowerCut(tmp_path / "disk", tmp_path / "memory")
    monkeypatch.setattr(os, "fsync", power.sync)
    monkeypatch.setattr(os, "link", power.link)
    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, power.rename)
    return power


@pytest.fixture(params=["unnamed", "named"])
def store(
    request: pytest.FixtureRequest, power: PowerCut, monkeypatch: pytest.MonkeyPatch
) -> FileStore:
    """In folders that are all new; with files that begin without a name, and without those."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE")
    store = FileStore(power.disk / "a" / "store")
    store.put("old/1", b"old")
    store.put("old/3", b"other")
    return store


def objects(store: Store) -> dict[str, bytes]:
    return {key: stored(store, key).data for key in store.list("")}


@pytest.mark.parametrize("change", CHANGES)
def test_acknowledged_writes_of_a_file_store_survive_a_power_cut(
    store: FileStore, power: PowerCut, tmp_path: Path, change: str
) -> None:
    CHANGES[change](store)
    left = FileStore(power.left(tmp_path / "left") / "a" / "store")
    assert objects(left) == objects(store)


@pytest.mark.parametrize("change", CHANGES)
def test_no_object_of_a_file_store_has_its_name_before_it_is_whole_on_the_disk(
    store: FileStore, power: PowerCut, change: str
) -> None:
    CHANGES[change](store)
    assert power.early == []


def test_a_file_store_is_the_same_store_after_a_power_cut(power: PowerCut, tmp_path: Path) -> None:
    """A service on another machine knows its folder by the mark."""
    FileStore(power.disk / "store")
    (mark,) = (power.disk / "store").rglob("mark")
    left = power.left(tmp_path / "left")
    assert (left / mark.relative_to(power.disk)).read_bytes() == mark.read_bytes()


def test_a_data_folder_and_its_secret_survive_a_power_cut(power: PowerCut, tmp_path: Path) -> None:
    """With another secret no token that was given to a trial would be valid."""
    data = power.disk / "a" / "data"
    with data_folder.only_one(data):
        secret = data_folder.secret(data / "secret")
    assert (power.left(tmp_path / "left") / "a" / "data" / "secret").read_bytes() == secret
    assert power.early == []


def test_an_installation_is_the_same_after_a_power_cut(power: PowerCut, tmp_path: Path) -> None:
    """As another installation it would leave its own runs alone."""
    here = power.disk / "a" / "runs"
    known = installation(f"process://{here}", b"secret", {}, None)
    left = power.left(tmp_path / "left") / "a" / "runs"
    assert installation(f"process://{left}", b"secret", {}, None).id == known.id
    assert power.early == []


def test_an_exported_file_takes_the_place_of_another_only_once_it_is_on_the_disk(
    power: PowerCut, tmp_path: Path
) -> None:
    url = (tmp_path / "store").as_uri()
    Journal(FileStore(tmp_path / "store"), "default", "e").commit(
        c.Submit("u", SPEC | {"hyperparameters": {}})
    )
    assert main(["export", "e", "--store", url, "-o", str(power.disk / "e.csv")]) == 0
    assert (power.disk / "e.csv").exists()
    assert power.early == []


@pytest.mark.parametrize("which", range(3))
def test_a_launch_that_the_disk_refuses_does_not_count_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    left = iter([None] * which + [OSError(errno.EIO, "the disk is broken")])

    def fsync(descriptor: int) -> None:
        if (fault := next(left, None)) is not None:
            raise fault

    (tmp_path / "tmp").mkdir()
    (tmp_path / "runs").mkdir()
    folder = RunFolder(tmp_path / "runs" / "1")
    plan = Plan(RUN, argv=("true",), env={}, metrics=STDOUT, timeout=None, grace=1)
    monkeypatch.setattr(os, "fsync", fsync)
    try:
        lock = folder.create(plan, tmp_path / "tmp")
    except OSError:
        assert not folder.launched()
        folder.discard_unbegun(tmp_path / "tmp")
        assert list((tmp_path / "tmp").iterdir()) == []
        lock = folder.create(plan, tmp_path / "tmp")
    assert lock is not None
    os.close(lock)
    assert next(left, None) is None


SHIM_WITH_POWER_CUTS = """
import errno, os, runpy, sys
from pathlib import Path
from tests.faults.power import PowerCut
folder, shim, lock, slot, disk, memory = sys.argv[1:]
power = PowerCut(Path(disk), Path(memory))
full = bool(os.environ.get("FULL_AT_THE_END"))
def rename(source, target):
    global full
    if full:
        full = False
        raise OSError(errno.ENOSPC, "no space left on device")
    power.rename(source, target)
    print(os.path.basename(target), *power.early, file=open(memory + ".renamed", "a"))
    power.left(Path(memory + ".at_the_end"))
os.fsync, os.rename = power.sync, rename
sys.path.insert(0, os.path.dirname(shim))
import shim_output
shim_output.HEAD_BYTES = 1000
runpy.run_path(shim)["main"](folder, int(lock), int(slot))
"""


class Shim:
    """A real shim on the disk that forgets."""

    def __init__(self, power: PowerCut, tmp_path: Path) -> None:
        self.power = power
        self.memory = tmp_path / "memory"
        self.path = Path("data", "runs", "default", "digits", "u1", "0", "1")
        self.folder = power.disk / self.path

    def run(self, script: str, **metrics: object) -> None:
        """Launch the script and wait for its end."""
        temporary = self.power.disk / "data" / "tmp"
        temporary.mkdir(parents=True)
        # As the launcher leaves it, which makes its own folders when it is opened.
        for folder in (self.power.disk, self.power.disk / "data"):
            self.power.sync(os.open(folder, os.O_RDONLY))
        path = metrics.get("path")
        plan = Plan(
            run=RUN,
            argv=("sh", "-c", script),
            env={"PATH": os.environ["PATH"]},
            metrics=replace(STDOUT, **metrics),
            timeout=None,
            grace=1,
            metrics_file=f"{self.folder}/work/{path}" if path else None,
            modules=(str(REPOSITORY), *filter(os.path.isabs, sys.path)),
        )
        lock = RunFolder(self.folder).create(plan, temporary)
        assert lock is not None
        slot = os.open(os.devnull, os.O_RDONLY)
        own = (self.folder, SHIM, lock, slot, self.power.disk, self.memory)
        words = [sys.executable, "-c", SHIM_WITH_POWER_CUTS, *map(str, own)]
        env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        subprocess.run(words, pass_fds=(lock, slot), env=env, check=True)


@pytest.fixture
def shim(power: PowerCut, tmp_path: Path) -> Shim:
    return Shim(power, tmp_path)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("exit.json")
    }


TRAININGS: dict[str, tuple[dict[str, object], str]] = {
    "output": ({}, "echo objective=1"),
    "more output than is kept": ({}, "seq 500; echo objective=1"),
    "file": ({"source": "file", "path": "a/b/m.json"}, "mkdir -p a/b; echo '{}' > a/b/m.json"),
    "event files": (
        {"source": "tensorboard", "path": "tb"},
        "mkdir -p tb/val; for f in tb tb/val; do echo $f > $f/events.out.tfevents.1; done",
    ),
}


@pytest.mark.parametrize("training", TRAININGS)
def test_all_that_the_end_of_a_run_rests_on_is_on_the_disk_before_the_end(
    shim: Shim, training: str
) -> None:
    metrics, script = TRAININGS[training]
    shim.run(script, **metrics)
    left = Path(f"{shim.memory}.at_the_end") / shim.path
    assert files(left) == files(shim.folder)
    assert Path(f"{shim.memory}.renamed").read_text() == "exit.json\n"


def test_an_end_that_finds_the_disk_full_is_written_later(
    shim: Shim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FULL_AT_THE_END", "1")
    shim.run("exit 3")
    end = RunFolder(shim.folder).end()
    assert end is not None
    assert end.exit_code == 3


def test_a_run_that_has_ended_is_not_lost_in_a_power_cut(shim: Shim, tmp_path: Path) -> None:
    shim.run("exit 3")
    end = RunFolder(shim.power.left(tmp_path / "left") / shim.path).end()
    assert end == RunFolder(shim.folder).end()
    assert end is not None


def test_a_training_begins_only_once_a_power_cut_would_leave_its_launch(
    shim: Shim, tmp_path: Path
) -> None:
    """Otherwise the attempt would be launched twice, with the files of the first launch."""
    shim.run(f"cp -r {shim.memory} {tmp_path}/memory.begun")
    begun = PowerCut(shim.power.disk, tmp_path / "memory.begun")
    folder = RunFolder(begun.left(tmp_path / "left") / shim.path)
    assert folder.launched()
    assert folder.plan() == RunFolder(shim.folder).plan()
    assert folder.output.exists()
    assert shim.power.early == []
