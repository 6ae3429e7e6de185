"""The part of the log that is folded: the state at an entry, and the trials that left it.

The log is cut into windows of `WINDOW` entries. When a window closes, the trials that
ended in it leave the state and become a segment; every `FAN_OUT` segments of a level
become one of the next. Which segments there are follows from the sequence number
alone, so any process derives the same from the same log, and what was never written or
has been deleted is written again, byte for byte. Cost: each trial is written once per
level, of which there are at most `LEVELS`, and a log of n entries has about
`FAN_OUT` * log(n) segments.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from tunelet.entry import FORMAT, Entry
from tunelet.events import Deleted, Submitted
from tunelet.experiment import Experiment, evolve, retire
from tunelet.trial import Trial

WINDOW = 64
FAN_OUT = 8
LEVELS = 7


class Segment(msgspec.Struct, frozen=True):
    """Trials that ended between two entries, in one object. Numbers and entries inclusive."""

    level: int
    seq: int
    """The entry with which its last window closed."""
    trials: int
    lowest: int = 0
    highest: int = -1

    @property
    def name(self) -> str:
        return f"segments/{self.level}/{self.seq:020d}.json"


class Head(msgspec.Struct, frozen=True):
    """The state after entry `seq`, whose checksum is `sum`: what a snapshot holds."""

    format: int = FORMAT
    seq: int = 0
    sum: str = ""
    experiment: Experiment | None = None
    segments: tuple[Segment, ...] = ()


_encoder = msgspec.json.Encoder()
_heads = msgspec.json.Decoder(Head)
_trials = msgspec.json.Decoder(tuple[Trial, ...])


class Closed(msgspec.Struct, frozen=True):
    """A window that closed: its snapshot, the trials of its own segment, and what was joined."""

    head: Head
    segment: Segment
    trials: tuple[Trial, ...]
    """The trials of `segment`."""
    joined: dict[int, tuple[Segment, ...]] = {}
    """By level of the new segment: its parts."""


def follow(head: Head, entry: Entry, total: str) -> tuple[Head, Closed | None]:
    """The head after `entry`, whose checksum is `total`, and the window that it closed, if any."""
    experiment, segments = head.experiment, head.segments
    for event in entry.events:
        experiment = evolve(experiment, event)
        if isinstance(event, Submitted | Deleted):
            segments = ()
    after = replace(head, seq=entry.seq, sum=total, experiment=experiment, segments=segments)
    if entry.seq % WINDOW or experiment is None:
        return after, None
    return _close(after, experiment)


def _close(head: Head, experiment: Experiment) -> tuple[Head, Closed]:
    experiment, done = retire(experiment)
    own = Segment(
        level=0,
        seq=head.seq,
        trials=len(done),
        lowest=min((t.number for t in done), default=0),
        highest=max((t.number for t in done), default=-1),
    )
    segments, joined = merge((*head.segments, own))
    after = replace(head, experiment=experiment, segments=segments)
    return after, Closed(head=after, segment=own, trials=done, joined=joined)


def merge(
    segments: tuple[Segment, ...],
) -> tuple[tuple[Segment, ...], dict[int, tuple[Segment, ...]]]:
    """Join the last segments wherever `FAN_OUT` of one level stand together.

    Returns the segments that then stand, and the parts of each new one by its level.
    """
    joined: dict[int, tuple[Segment, ...]] = {}
    while True:
        last = segments[-FAN_OUT:]
        level = last[-1].level
        if len(last) < FAN_OUT or level + 1 >= LEVELS or any(s.level != level for s in last):
            return segments, joined
        joined[level + 1] = last
        segments = (*segments[:-FAN_OUT], _joined(last))


def _joined(parts: Sequence[Segment]) -> Segment:
    full = [p for p in parts if p.trials]
    return Segment(
        level=parts[0].level + 1,
        seq=parts[-1].seq,
        trials=sum(p.trials for p in parts),
        lowest=min((p.lowest for p in full), default=0),
        highest=max((p.highest for p in full), default=-1),
    )


def encode_head(head: Head) -> bytes:
    return _encoder.encode(head)


def decode_head(data: bytes) -> Head:
    return _heads.decode(data)


def encode_trials(trials: Iterable[Trial]) -> bytes:
    """A segment's bytes: its trials by number."""
    return _encoder.encode(sorted(trials, key=lambda t: t.number))


def decode_trials(data: bytes) -> tuple[Trial, ...]:
    return _trials.decode(data)
