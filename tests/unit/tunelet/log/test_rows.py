"""The rows of a segment are its trials without their reports, wherever the reader begins."""

import msgspec
import pytest

from adapters.storage.memory import MemoryStore
from tests.specs import SPEC
from tests.unit.tunelet.log.test_trials import AT, end
from tunelet.core import commands as c
from tunelet.core.trial import Report, Trial
from tunelet.log.compaction import WINDOW, encode_trials
from tunelet.log.entry import Newer
from tunelet.log.journal import Journal
from tunelet.log.journal_cache import Journals
from tunelet.log.rows import decode_rows, row_of

LONG = "x" * 5_000
"""Makes a segment of several pieces, which are decoded one after the other."""


def trials() -> list[Trial]:
    """Trials with gaps between their numbers, as in a segment whose neighbours have the others."""
    return [
        Trial(number, {"choice": f"{LONG}{number}"}, created_at=float(number))
        for number in range(0, 600, 3)
    ]


@pytest.mark.parametrize("after", [-1, 0, 1, 3, 149, 150, 151, 296, 594, 597, 1_000])
def test_rows_begin_after_a_number(after: int) -> None:
    expected = [row_of(trial) for trial in trials() if trial.number > after]
    assert list(decode_rows(encode_trials(trials()), after)) == expected


@pytest.mark.parametrize("after", [-1, 0, 40, 150])
def test_trials_are_in_order_whatever_the_order_of_their_ends(after: int) -> None:
    """The segments of three windows, each with numbers from the range of the others."""
    store, many = MemoryStore(), 3 * WINDOW
    log = Journal(store, *AT)
    log.commit(c.Submit("u", SPEC | {"max_trials": many, "parallel_trials": many}))
    log.commit(c.AddTrials(0, ({"x": 0.5},) * many))
    for number in sorted(range(many), key=lambda number: (number % 3, number)):
        end(log, number)
    journals = Journals(store)
    _, rows = journals.rows(*AT, after)
    assert [row.number for row in rows] == list(range(after + 1, many))
    _, trials = journals.history(*AT, after)
    assert [trial.number for trial in trials] == list(range(after + 1, many))


def test_reports_are_left_out_and_attributes_are_not() -> None:
    reports = (Report(1, {"loss": 0.5}),)
    trial = msgspec.structs.replace(trials()[1], reports=reports, attributes={"a": [1, "b"]})
    assert list(decode_rows(encode_trials([trial]), -1)) == [row_of(trial)]


def test_rows_of_a_newer_version_are_refused() -> None:
    data = encode_trials(trials()[:2]).replace(b'"created_at":3.0', b'"created_at":"then"')
    with pytest.raises(Newer, match="upgrade"):
        list(decode_rows(data, -1))


def test_a_row_knows_how_long_earlier_attempts_ran() -> None:
    running = Trial(0, {}, created_at=0.0, attempt=2, started_at=7.0, seconds=3.0)
    assert row_of(running).earlier_seconds == 3
    ended = Trial(0, {}, created_at=0.0, attempt=2, started_at=7.0, finished_at=9.5, seconds=5.5)
    assert row_of(ended).earlier_seconds == 3
    assert next(decode_rows(encode_trials([ended]), -1)).earlier_seconds == 3
