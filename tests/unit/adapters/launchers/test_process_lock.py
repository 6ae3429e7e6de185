"""Whether a lock shows that a process that used a folder's store is dead."""

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.launchers.process_lock import locked
from adapters.storage import open_store

ROOT = Path(__file__).resolve().parents[4]
HOLDS = """
import sys, time
from adapters.launchers.process_lock import locked
with locked(sys.argv[1], "other"):
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
