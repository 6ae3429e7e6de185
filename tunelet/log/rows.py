"""A trial without its reports, as a table of many trials shows it.

Most of a segment is reports. A reader that does not need them skips their bytes, which takes a
third of the time and of the memory that whole trials take. It decodes many lines at a time, which
takes two thirds of the time of one by one.
"""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from tunelet.core.trial import Assignment, Number, Trial, TrialState
from tunelet.log.compaction import decode_trial, number_at, numbered
from tunelet.log.entry import Newer


class Row(msgspec.Struct, frozen=True, gc=False):
    """Some members of `Trial`, with the same meanings."""

    number: int
    hyperparameters: Assignment
    created_at: float
    state: TrialState = TrialState.WAITING
    attempt: int = 1
    started_at: float | None = None
    finished_at: float | None = None
    values: dict[str, Number] = {}
    seconds: float = 0.0
    retry_of: int | None = None
    attributes: dict[str, Any] = {}
    cancelled: bool = False
    """Read only: how older versions wrote STOPPED, beside the state FAIL."""

    @property
    def earlier_seconds(self) -> float:
        """The running time of the attempts before the present one, in seconds."""
        if self.started_at is None or self.finished_at is None:
            return self.seconds
        return max(0.0, self.seconds - (self.finished_at - self.started_at))

    @property
    def ended_as(self) -> TrialState:
        return TrialState.STOPPED if self.cancelled else self.state


_decoder = msgspec.json.Decoder(Row)
_PIECE = 1 << 18
"""Bytes that are decoded at a time. They are hundreds of trials, for a first page needs few."""


def row_of(trial: Trial) -> Row:
    return Row(
        trial.number,
        trial.hyperparameters,
        trial.created_at,
        trial.state,
        trial.attempt,
        trial.started_at,
        trial.finished_at,
        trial.values,
        trial.seconds,
        trial.retry_of,
        trial.attributes,
    )


def decode_rows(data: bytes, after: int) -> Iterator[Row]:
    """Yield the rows of a segment with numbers above `after`, in order."""
    for piece in _pieces(data, after):
        rows = _rows(piece)
        yield from rows if rows[0].number > after else (r for r in rows if r.number > after)


def _pieces(data: bytes, after: int) -> Iterator[bytes]:
    """Yield the lines of a segment, many at a time, from those with numbers above `after` on."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _PIECE) + 1 or len(data)
        last = data.rfind(b"\n", start, end - 1) + 1 or start
        if number_at(data, last) > after:
            yield data[start:end]
        start = end


def _rows(lines: bytes) -> list[Row]:
    try:
        return _decoder.decode_lines(lines)
    except msgspec.ValidationError as error:
        raise Newer(f"a segment says what this version does not know ({error}): upgrade") from error


def decode_some(data: bytes, numbers: Collection[int]) -> Iterator[Trial]:
    """Yield the trials of a segment that have these numbers."""
    return (decode_trial(line) for number, line in numbered(data) if number in numbers)
