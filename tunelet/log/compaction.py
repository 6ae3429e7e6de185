"""Fold the log into a state, and move ended trials out of the state into segments.

The log is cut into windows of `WINDOW` entries. When a window closes, the trials that
ended in it leave the state and become a segment; every `FAN_OUT` segments of a level
are joined into one of the next. The sequence number alone determines which segments
exist, so every process derives the same ones from the same log, and rebuilds a missing
or deleted one byte for byte. Cost: each trial is written once per level, of which there
are at most `LEVELS`. A log of n entries has about `FAN_OUT` * log(n) segments, and one
more for each `LARGEST` trials.

A segment is a file of lines, one trial per line, sorted by number, so that segments are
joined and read as streams.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge as merge_sorted
from types import MappingProxyType
from typing import Protocol

import msgspec
from msgspec.structs import replace

from tunelet.core.events import Deleted, Submitted
from tunelet.core.evolve import evolve, retire
from tunelet.core.experiment import Counts, Experiment, Terms
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.trial import Trial
from tunelet.log.entry import FORMAT, Damaged, Entry, Newer
from tunelet.text.lazy_pattern import lazy_pattern

WINDOW = 64
FAN_OUT = 8
LEVELS = 7
LARGEST = 1 << 16
"""The most trials that are joined into one segment. Bounds a reader's memory."""


class Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trials that ended in some consecutive windows, in one object.

    `lowest` and `highest` are the trial numbers it holds, both inclusive.
    """

    level: int
    seq: int
    """The entry that closed its last window."""
    trials: int
    lowest: int = 0
    highest: int = -1

    @property
    def name(self) -> str:
        return f"segments/{self.level}/{self.seq:020d}.json"


class Tombstone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The entry that deleted an experiment. The entries before it are not needed any more."""

    seq: int
    at: float


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state after entry `seq`, which has the checksum `sum`. A snapshot stores a head."""

    format: int = FORMAT
    seq: int = 0
    sum: str = ""
    experiment: Experiment | None = None
    segments: tuple[Segment, ...] = ()
    tombstone: Tombstone | None = None
    """The newest deletion in the log."""


NONE_KNOWN: Mapping[int, Trial] = MappingProxyType({})


class TrialReader(Protocol):
    """Reads the trials as of one moment. It can be called any number of times."""

    def __call__(self, after: int, known: Mapping[int, Trial] = NONE_KNOWN) -> Iterator[Trial]:
        """Return the trials with numbers above `after`, in order.

        Trials in `known`, by number, are returned as they are and not read again.
        """


_encoder = msgspec.json.Encoder()
_heads = msgspec.json.Decoder(Head)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_trial = msgspec.json.Decoder(Trial)
_NUMBER = lazy_pattern(rb'\{"number":(\d+),')


class Closed(msgspec.Struct, frozen=True):
    """A closed window: its snapshot, its own segment's trials, and the segments joined by it."""

    head: Head
    segment: Segment
    trials: tuple[Trial, ...]
    """The trials of `segment`."""
    joined: dict[int, tuple[Segment, ...]] = {}
    """The parts of each joined segment, by the level of the new segment."""

    def joint(self, level: int) -> Segment:
        """Return the new segment of that level."""
        return _joined(self.joined[level])


def follow(head: Head, entry: Entry, checksum: str) -> tuple[Head, Closed | None]:
    """Return the head after `entry`, and the window that the entry closed, if any.
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
    if entry.seq % WINDOW or experiment is None or experiment.state is ExperimentState.DELETED:
        # A tombstone closes no window: a reader that starts after it has no earlier state.
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
    """Join the last segments as long as the last `FAN_OUT` have one level.

    Returns the segments that exist then, and the parts of each new one by its level.
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
    """Decode a snapshot. Raises `msgspec.MsgspecError` if the bytes are not a snapshot.

    Also raises it if a member is absent: an older version wrote the snapshot and did not fold the
    events that set the member. A default value would be copied into every later snapshot.
    """
    head = _heads.decode(data)
    _refuse_absent(head, data, _needless(head.experiment))
    return head


def _needless(experiment: Experiment | None) -> tuple[str, ...]:
    """List the members that older versions did not write and this experiment does not use."""
    gives_up = experiment is not None and experiment.spec.get("give_up_after")
    keyed = experiment is not None and experiment.keys
    counted = () if gives_up else ("failures", "give_up_after")
    stalls = experiment is not None and experiment.spec.get("stall_seconds") is not None
    needless = ("by", "learnt", "attributes", "system", "members", "imported", "note", "notes")
    judged = () if stalls else ("stall_seconds",)
    return (*needless, *counted, *judged, *(() if keyed else ("requests",)))


def _refuse_absent(
    known: msgspec.Struct, data: bytes | msgspec.Raw, needless: Collection[str]
) -> None:
    """Raise if a member is absent that is not `needless` (not used by this experiment)."""
    written = _members.decode(data)
    for name in known.__struct_fields__:
        if name not in written and name not in needless and _missed(known, name, written):
            raise msgspec.ValidationError(f"an older version wrote it, without {name!r}")
        member = getattr(known, name)
        if isinstance(member, Experiment | Terms | Counts):
            _refuse_absent(member, written[name], needless)


def _missed(known: msgspec.Struct, name: str, written: Mapping[str, msgspec.Raw]) -> bool:
    """Whether the version that did not write `name` also did not fold its events."""
    if isinstance(known, Counts):
        # Older versions counted stopped trials under the name `cancelled`.
        return name != "cancelled" and not (name == "stopped" and "cancelled" in written)
    return True


def encode_trials(trials: Iterable[Trial]) -> bytes:
    """Encode trials as a segment: one line per trial, sorted by number."""
    return _encoder.encode_lines(sorted(trials, key=lambda t: t.number))


def decode_trials(
    data: bytes, after: int = -1, known: Mapping[int, Trial] = NONE_KNOWN
) -> Iterator[Trial]:
    """Yield a segment's trials with numbers above `after`, in order.

    Trials in `known`, by number, are returned as they are and not decoded again. Raises
    `msgspec.DecodeError` if the bytes are not a segment, and `Newer` if a newer version wrote them.
    """
    return (
        known.get(number) or decode_trial(line) for number, line in numbered(data) if number > after
    )


def decode_trial(line: bytes) -> Trial:
    """Decode a line of a segment. Raises `Newer` if a newer version wrote it."""
    try:
        return _trial.decode(line)
    except msgspec.ValidationError as error:
        raise Newer(f"a segment says what this version does not know ({error}): upgrade") from error


def join(parts: Sequence[bytes]) -> bytes:
    """Join segments into one that holds the trials of all parts."""
    lines = merge_sorted(*[numbered(part) for part in parts])
    return b"".join(line for _, line in lines)


def numbered(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each trial and its line. Raises `msgspec.DecodeError`."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1
        number = number_at(data, start)
        if not end:
            raise msgspec.DecodeError(f"a trial's line without an end, at byte {start}")
        yield number, data[start:end]
        start = end


def number_at(data: bytes, start: int) -> int:
    """Return the number of the trial whose line begins there. Raises `msgspec.DecodeError`."""
    found = _NUMBER.match(data, start)
    if found is None:
        raise msgspec.DecodeError(f"not a trial's line, at byte {start}")
    return int(found[1])
