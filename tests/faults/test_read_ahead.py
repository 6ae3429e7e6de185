"""A writer that writes one entry after another reads the inbox meanwhile and never waits for it."""

import threading
import time
from collections.abc import Iterator

import pytest

from adapters.storage.memory import MemoryStore
from tests.faults.test_crowd import PATH, begun, eventually, report, steps
from tunelet.errors import Retry
from tunelet.log import committer as module
from tunelet.log.committer import LOOK_EVERY
from tunelet.log.inbox import Inbox, Order


class SlowInbox(MemoryStore):
    """A store that answers listings of the inbox only while `answers` is set, or refuses them."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()
        self.answers.set()
        self.refuses = False
        self.asked = 0

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[str]:
        if prefix.endswith("inbox/"):
            self.asked += 1
            assert self.answers.wait(30)
            if self.refuses:
                raise Retry("the listing failed")
        return super().list(prefix, after, limit)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> SlowInbox:
    # A store in memory is so fast that every pause would look like the end of the writing.
    monkeypatch.setattr("tunelet.log.writer.Writer.steady", property(lambda self: self._led > 0))
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.0)
    return SlowInbox()


def test_entries_are_written_while_the_inbox_does_not_answer(store: SlowInbox) -> None:
    log = begun(store)
    log._committer._met_others()
    log.commit(report(1), uid="u")
    store.answers.clear()
    for step in range(2, 12):
        log.commit(report(step), uid="u")
    store.answers.set()
    assert sorted(steps(store)) == list(range(1, 12))


def test_a_batch_is_committed_with_a_later_entry_and_only_once(store: SlowInbox) -> None:
    log, inbox = begun(store), Inbox(store, PATH)
    log._committer._met_others()
    inbox.put("0-other", [Order("u", (report(500),))])
    step = 0
    while 500 not in steps(store):
        step += 1
        log.commit(report(step), uid="u")
        assert step < 1000
    for later in range(step + 1, step + 10):
        log.commit(report(later), uid="u")
    assert max(steps(store).values()) == 1
    eventually(lambda: not list(store.list(f"{PATH}inbox/")))


def test_an_inbox_that_cannot_be_read_is_an_error_of_the_next_commit(store: SlowInbox) -> None:
    """Without it, the writers of the batches would wait in vain."""
    log = begun(store)
    log._committer._met_others()
    log.commit(report(1), uid="u")
    store.refuses = True
    log.commit(report(2), uid="u")
    eventually(lambda: log._committer._ahead.failed)
    with pytest.raises(Retry, match="the listing failed"):
        log.commit(report(3), uid="u")
    store.refuses = False
    log.commit(report(4), uid="u")
    assert not log._committer._ahead.failed  # it reads ahead again
    assert {1, 2, 4} <= steps(store).keys()


def test_a_writer_without_others_looks_for_batches_now_and_then(store: SlowInbox) -> None:
    log = begun(store)
    for step in range(3 * LOOK_EVERY):
        log.commit(report(step), uid="u")
    eventually(lambda: 2 <= store.asked <= 4)


def test_a_writer_that_paused_reads_the_inbox_before_it_writes() -> None:
    """Its last look is old, and the others have waited since."""
    store = MemoryStore()
    log, inbox = begun(store), Inbox(store, PATH)
    log._committer._met_others()
    log.commit(report(1), uid="u")
    inbox.put("0-other", [Order("u", (report(500),))])
    time.sleep(0.05)
    log.commit(report(2), uid="u")
    assert 500 in steps(store)


def test_what_was_read_long_ago_is_read_again(
    store: SlowInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunelet.log.read_ahead.STALE_SECONDS", -1.0)
    ahead = module.ReadAhead(lambda: "found")
    ahead.start()
    eventually(lambda: ahead._found is not None)
    assert ahead.take() is None


def test_a_writer_that_writes_seldom_commits_what_a_dead_one_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tunelet.log.read_ahead.STALE_SECONDS", -1.0)
    monkeypatch.setattr("tunelet.log.writer.Writer.steady", property(lambda self: False))
    store = MemoryStore()
    log = begun(store)
    Inbox(store, PATH).put("0-dead", [Order("u", (report(500),))])
    for step in range(LOOK_EVERY):
        log.commit(report(step), uid="u")
    assert 500 in steps(store)


def test_with_many_others_a_writer_waits_for_their_batches(store: SlowInbox) -> None:
    log = begun(store)
    log._committer._met_others()
    log.commit(report(1), uid="u")
    log._committer._arrivals = module.MANY + 1
    Inbox(store, PATH).put("0-other", [Order("u", (report(500),))])
    log.commit(report(2), uid="u")
    assert 500 in steps(store)


def test_a_read_that_fails_in_any_way_is_noticed_and_made_again() -> None:
    answers: list[Exception | str] = [ValueError("damaged"), "found"]

    def read() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ahead = module.ReadAhead(read)
    ahead.start()
    eventually(lambda: ahead.failed)
    ahead.start()
    eventually(lambda: not ahead.failed)
    assert ahead.take() == "found"


def test_a_thread_that_cannot_be_started_counts_as_a_failed_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ahead = module.ReadAhead(lambda: "found")
    with monkeypatch.context() as few:
        few.setattr(threading.Thread, "start", _no_thread)
        ahead.start()
    assert ahead.failed
    ahead.start()
    eventually(lambda: not ahead.failed)
    assert ahead.take() == "found"


def _no_thread(_: object) -> None:
    raise RuntimeError("can't start new thread")
