"""The turns of processes that write one log in a folder."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.storage import folder_turns, open_store, turns_of
from adapters.storage.wrapper import StoreWrapper
from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.trial import Report
from tunelet.log.journal import Journal

PATH = "v1/default/e/"
EACH = 20

HOLDS = """
import sys, time
from adapters.storage import turns_of
with turns_of(sys.argv[1])("v1/default/e/") as held:
    print(held, flush=True)
    time.sleep(600)
"""


class Counting(StoreWrapper):
    """Counts the entries that another writer had written first."""

    refused = 0

    def create(self, key: str, data: bytes) -> bool:
        created = super().create(key, data)
        self.refused += not created
        return created


def test_a_bucket_has_no_turns() -> None:
    assert turns_of("s3://bucket/prefix") is None
    assert turns_of("memory://here") is None


def test_writers_that_take_turns_do_not_try_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_turns, "LONGEST_WAIT", 60.0)
    url = tmp_path.as_uri()
    Journal(open_store(url), "default", "e").commit(c.Submit("u", {**SPEC, "enqueue": [{"x": 1}]}))
    stores = [Counting(open_store(url)) for _ in range(3)]

    def write(number: int) -> None:
        journal = Journal(stores[number], "default", "e", turns=turns_of(url))
        for step in range(EACH):
            with journal.turn():
                journal.read()
                report = Report(number * EACH + step, {"objective": 1.0})
                journal.commit(c.Record(0, 1, (report,)))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Journal(open_store(url), "default", "e").read().trials[0].reports) == 3 * EACH
    assert sum(store.refused for store in stores) == 0


def test_the_turn_of_a_stopped_process_is_passed_over_and_a_dead_ones_is_free(
    tmp_path: Path,
) -> None:
    url = tmp_path.as_uri()
    open_store(url)
    turns = turns_of(url)
    assert turns is not None
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, url], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with turns(PATH) as held:
            assert not held
        holder.kill()
        holder.wait()
        with turns(PATH) as held:
            assert held
    finally:
        holder.kill()


def test_without_the_folder_of_locks_there_is_no_turn(tmp_path: Path) -> None:
    turns = turns_of((tmp_path / "gone").as_uri())
    assert turns is not None
    with turns(PATH) as held:
        assert not held


def test_a_turn_ends_with_its_block(tmp_path: Path) -> None:
    url = tmp_path.as_uri()
    open_store(url)
    turns = turns_of(url)
    assert turns is not None
    with suppress(ValueError), turns(PATH) as held:
        assert held
        raise ValueError("a step failed")
    (lock,) = (tmp_path / ".tunelet" / "locks").glob("turn-*")
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert os.fstat(file.fileno()).st_size == 0


def test_a_turn_ends_though_a_process_was_forked_in_it(tmp_path: Path) -> None:
    """A function of a search in threads may fork at any time, as data loaders do."""
    url = tmp_path.as_uri()
    open_store(url)
    turns = turns_of(url)
    assert turns is not None
    with turns(PATH) as held:
        assert held
        forked = os.fork()
        if not forked:
            signal.pause()
            os._exit(0)
    try:
        with turns(PATH) as held:
            assert held
    finally:
        os.kill(forked, signal.SIGKILL)
        os.waitpid(forked, 0)
