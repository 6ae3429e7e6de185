"""Snapshots and segments: when they are written, and when they are used."""

import pytest

from adapters.storage.memory import MemoryStore
from tests.specs import SPEC
from tunelet.core import commands as c
from tunelet.core.trial import Outcome, Trial, Verdict
from tunelet.errors import Retry
from tunelet.log.compaction import WINDOW, decode_trials, encode_trials, join
from tunelet.log.journal import Journal
from tunelet.log.segment_cache import Recent
from tunelet.log.snapshots import Segments, snapshot_key

PATH = "v1/default/e/"


class Choosy(MemoryStore):
    """Refuses to put objects with a word in their names."""

    refused = ""

    def put(self, key: str, data: bytes) -> None:
        if self.refused and self.refused in key:
            raise Retry("not now")
        super().put(key, data)


def journal(store: MemoryStore) -> Journal:
    return Journal(store, "default", "e", sleep=lambda _: None)


def entries(log: Journal, until: int) -> None:
    """Write entries up to this one; each ends a trial."""
    if log.peek() is None:
        log.commit(c.Submit("u", SPEC))
    head = log._tail.present().seq
    for _ in range(head, until):
        n = log.read().next_number
        outcome = Outcome(Verdict.COMPLETE, {"objective": float(n)})
        log.commit(c.AddTrials(n, ({"x": n},)), c.Finish(n, 1, outcome))


def numbers(store: MemoryStore) -> list[int]:
    experiment, left = journal(store).history()
    return sorted([*(each.number for each in left), *experiment.trials])


@pytest.fixture
def store() -> Choosy:
    return Choosy()


def test_a_closed_window_leaves_a_snapshot_and_its_segment(store: Choosy) -> None:
    entries(journal(store), WINDOW)
    assert list(store.list(f"{PATH}snapshots/")) == [snapshot_key(PATH, WINDOW)]
    assert len(list(store.list(f"{PATH}segments/"))) == 1


def test_a_segment_that_lacks_trials_is_made_again(store: Choosy) -> None:
    entries(journal(store), WINDOW + 2)
    expected = numbers(store)
    (segment,) = store.list(f"{PATH}segments/")
    stored = store.get(segment)
    assert stored is not None
    lines = stored.data.splitlines(keepends=True)
    store.put(segment, b"".join(lines[:-1]))
    assert numbers(store) == expected


def test_no_snapshot_names_an_absent_segment(store: Choosy) -> None:
    store.refused = "/segments/"
    entries(journal(store), WINDOW)
    assert list(store.list(f"{PATH}snapshots/")) == []


def test_the_snapshot_of_a_dead_writer_is_written_with_the_next_window(
    store: Choosy,
) -> None:
    store.refused = "/snapshots/"
    other = journal(store)
    entries(journal(store), WINDOW)
    other.peek()
    store.refused = ""
    entries(other, 2 * WINDOW)
    assert snapshot_key(PATH, WINDOW) in store.list(f"{PATH}snapshots/")


def test_a_snapshot_from_before_a_purge_is_not_used(store: Choosy) -> None:
    entries(journal(store), WINDOW)
    segments = Segments(store, PATH, Recent())
    newest = segments.newest(WINDOW)
    assert newest is not None
    assert newest.seq == WINDOW
    assert segments.newest(WINDOW + 1) is None


def test_a_new_life_has_no_trials_of_the_one_before(store: Choosy) -> None:
    log = journal(store)
    entries(log, WINDOW + 3)
    log.commit(c.Delete())
    log.commit(c.Submit("w", SPEC))
    assert numbers(store) == []


def test_joined_segments_have_their_trials_by_number() -> None:
    def segment(*numbers: int) -> bytes:
        return encode_trials(Trial(n, {}, created_at=0.0) for n in numbers)

    joined = join([segment(3, 9), segment(1, 7), segment(4)])
    assert [each.number for each in decode_trials(joined)] == [1, 3, 4, 7, 9]
