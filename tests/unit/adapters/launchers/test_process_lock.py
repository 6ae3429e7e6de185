"""Whether a lock shows that a process that used a folder's store is dead."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.launchers.local.slots import Slots
from adapters.launchers.process_lock import locked
from adapters.storage import open_store
from tunelet.core.run import Run

ROOT = Path(__file__).resolve().parents[4]
HOLDS = """
import sys, time
from pathlib import Path
from adapters.launchers.process_lock import locked
with locked(sys.argv[1], "other", *map(Path, sys.argv[2:])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return open_store((tmp_path / "a store").as_uri()).url


def lock_file(tmp_path: Path) -> Path:
    return tmp_path / "a store" / ".tunelet" / "processes" / "other"


def test_a_killed_process_is_shown_to_be_dead_and_a_living_one_is_not(url: str) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with locked(url, "own") as dead:
            assert not dead("other")
            other.kill()
            other.wait()
            assert dead("other")
            assert not dead("own")
    finally:
        other.kill()
        other.communicate()


def test_a_dead_process_with_trainings_that_outlive_it_is_not_given_up(
    url: str, tmp_path: Path
) -> None:
    training = running(tmp_path)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, url, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    other.kill()
    other.communicate()
    with locked(url, "own") as dead:
        assert not dead("other")
        os.close(training)
        assert dead("other")


def running(runs: Path) -> int:
    """A run in the folder, as long as the descriptor is open."""
    run = Run("default", "e", "u", 0, 1)
    return Slots(runs / "slots", 1).take(run).descriptor


def test_one_that_ends_while_its_trainings_run_is_waited_for(url: str, tmp_path: Path) -> None:
    with locked(url, "other", tmp_path):
        training = running(tmp_path)
    os.close(training)
    with locked(url, "own") as dead:
        assert not dead("other")


def test_one_that_ends_without_any_is_gone_at_once(url: str, tmp_path: Path) -> None:
    with locked(url, "other", tmp_path):
        os.close(running(tmp_path))
    with locked(url, "own") as dead:
        assert dead("other")


def test_a_process_that_never_was_there_is_not_shown_to_be_dead(url: str) -> None:
    with locked(url, "own") as dead:
        assert not dead("other")


def test_a_lock_of_another_boot_or_machine_shows_nothing(url: str, tmp_path: Path) -> None:
    with locked(url, "other"):
        pass
    with locked(url, "own") as dead:
        assert dead("other")
        lock_file(tmp_path).write_bytes(b"another boot")
        assert not dead("other")


def test_in_a_bucket_no_process_is_shown_to_be_dead() -> None:
    with locked("s3://bucket/prefix", "own") as dead:
        assert not dead("other")
