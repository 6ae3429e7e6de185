"""The part of the log that is folded: the state at an entry, and the trials that left it.

The log is cut into windows of `WINDOW` entries. When a window closes, the trials that
ended in it leave the state and become a segment; every `FAN_OUT` segments of a level
become one of the next. Which segments there are follows from the sequence number
alone, so any process derives the same from the same log, and what was never written or
has been deleted is written again, byte for byte. Cost: each trial is written once per
level, of which there are at most `LEVELS`, and a log of n entries has about
`FAN_OUT` * log(n) segments, and one for each `LARGEST` trials.

A segment's bytes are lines, one trial each, by number: they are joined and read without
holding more than they must.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge as merge_sorted
from types import MappingProxyType
from typing import Protocol

import msgspec
from msgspec.structs import replace

from tunelet.core.events import Deleted, Submitted
from tunelet.core.experiment import DELETED, Counts, Experiment, Terms, evolve, retire
from tunelet.core.trial import Trial
from tunelet.log.entry import FORMAT, Damaged, Entry, Newer

WINDOW = 64
FAN_OUT = 8
LEVELS = 7
LARGEST = 1 << 16
"""No more trials are joined into one segment, which bounds what a reader has to hold."""


class Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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


class Tombstone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The entry with which an experiment was deleted. What is before it is nobody's any more."""

    seq: int
    at: float


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state after entry `seq`, whose checksum is `sum`: what a snapshot holds."""

    format: int = FORMAT
    seq: int = 0
    sum: str = ""
    experiment: Experiment | None = None
    segments: tuple[Segment, ...] = ()
    tombstone: Tombstone | None = None
    """The newest deletion in the log."""


NONE_KNOWN: Mapping[int, Trial] = MappingProxyType({})


class TrialReader(Protocol):
    """Reads the trials as of one moment, as often as one likes."""

    def __call__(self, after: int, known: Mapping[int, Trial] = NONE_KNOWN) -> Iterator[Trial]:
        """The trials with numbers above `after`, in order.

        Those that are `known`, by number, are not read again but given as they are.
        """


_encoder = msgspec.json.Encoder()
_heads = msgspec.json.Decoder(Head)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_trial = msgspec.json.Decoder(Trial)
_NUMBER = re.compile(rb'\{"number":(\d+),')


class Closed(msgspec.Struct, frozen=True):
    """A window that closed: its snapshot, the trials of its own segment, and what was joined."""

    head: Head
    segment: Segment
    trials: tuple[Trial, ...]
    """The trials of `segment`."""
    joined: dict[int, tuple[Segment, ...]] = {}
    """By level of the new segment: its parts."""

    def joint(self, level: int) -> Segment:
        """The new segment of that level."""
        return _joined(self.joined[level])


def follow(head: Head, entry: Entry, checksum: str) -> tuple[Head, Closed | None]:
    """The head after `entry`, and the window that it closed, if any.

    Raises `Damaged` if the entry begins a log with something other than a submission.
    """
    experiment, segments, tombstone = head.experiment, head.segments, head.tombstone
    for event in entry.events:
        if isinstance(event, Deleted):
            segments, tombstone = (), Tombstone(entry.seq, event.at)
        if experiment is not None or isinstance(event, Submitted):
            experiment = evolve(experiment, event)
        elif not isinstance(event, Deleted):
            raise Damaged(f"entry {entry.seq} begins with {type(event).__name__}")
    after = replace(
        head,
        seq=entry.seq,
        sum=checksum,
        experiment=experiment,
        segments=segments,
        tombstone=tombstone,
    )
    if entry.seq % WINDOW or experiment is None or experiment.state == DELETED:
        # A tombstone closes none: whoever begins behind it knows of no experiment before it.
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
        if sum(part.trials for part in last) > LARGEST:
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
    """The head of a snapshot. Raises `msgspec.MsgspecError` where the bytes are none.

    Also where a member is absent, for an older version wrote it then, which did not fold what the
    member tells: a default in its place would stand in every snapshot from here on.
    """
    head = _heads.decode(data)
    _refuse_absent(head, data, _needless(head.experiment))
    return head


def _needless(experiment: Experiment | None) -> tuple[str, ...]:
    """Members that an older version did not write, and that tell nothing of this experiment."""
    gives_up = experiment is not None and experiment.spec.get("give_up_after")
    keyed = experiment is not None and experiment.keys
    counted = () if gives_up else ("failures", "give_up_after")
    return ("by", *counted, *(() if keyed else ("requests",)))


def _refuse_absent(
    known: msgspec.Struct, data: bytes | msgspec.Raw, needless: Collection[str]
) -> None:
    """`needless` members tell nothing of this experiment, so that there was nothing to fold."""
    written = _members.decode(data)
    for name in known.__struct_fields__:
        if name not in written and name not in needless and _missed(known, name, written):
            raise msgspec.ValidationError(f"an older version wrote it, without {name!r}")
        member = getattr(known, name)
        if isinstance(member, Experiment | Terms | Counts):
            _refuse_absent(member, written[name], needless)


def _missed(known: msgspec.Struct, name: str, written: Mapping[str, msgspec.Raw]) -> bool:
    """Whether the version that wrote no `name` did not fold what it tells."""
    if isinstance(known, Counts):
        # It counted as `cancelled` what is counted as `stopped` now.
        return name != "cancelled" and not (name == "stopped" and "cancelled" in written)
    return True


def encode_trials(trials: Iterable[Trial]) -> bytes:
    """A segment's bytes: a line for each trial, by number."""
    return _encoder.encode_lines(sorted(trials, key=lambda t: t.number))


def decode_trials(
    data: bytes, after: int = -1, known: Mapping[int, Trial] = NONE_KNOWN
) -> Iterator[Trial]:
    """A segment's trials with numbers above `after`, in order.

    Those that are `known`, by number, are not decoded again but given as they are.
    Raises `msgspec.DecodeError` where the bytes are no segment's, and `Newer`.
    """
    return (
        known.get(number) or _decoded(line) for number, line in numbered(data) if number > after
    )


def _decoded(line: bytes) -> Trial:
    try:
        return _trial.decode(line)
    except msgspec.ValidationError as error:
        raise Newer(f"a segment says what this version does not know ({error}): upgrade") from error


def join(parts: Sequence[bytes]) -> bytes:
    """The segment that holds the trials of all parts."""
    lines = merge_sorted(*[numbered(part) for part in parts])
    return b"".join(line for _, line in lines)


def numbered(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The number of each trial, and its line."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1
        found = _NUMBER.match(data, start)
        if not end or found is None:
            raise msgspec.DecodeError(f"not a trial's line, at byte {start}")
        yield int(found[1]), data[start:end]
        start = end
