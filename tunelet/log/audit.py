"""Who changed an experiment, and when: the changes in its log that somebody asked for.

The log is read entry by entry, because snapshots do not keep its events. A tombstone stays after a
purge, so a deletion is seen as long as the bucket exists.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from tunelet.core import ends, events
from tunelet.core.events import Event
from tunelet.core.trial import TrialState
from tunelet.log.entry import Entry, decode
from tunelet.log.parallel import streamed
from tunelet.log.reader import entry_seq
from tunelet.ports import Store

READ_A_PAGE = 1000
"""The most entries that are read for one page."""


class Change(NamedTuple):
    """One change of an experiment."""

    seq: int
    """The number of its entry in the log."""
    at: float | None
    """Seconds since 1970; None: the entry does not say."""
    actor: str
    """Who asked for it; empty: not known, or its own budget and rules did it."""
    action: str
    detail: str = ""


def audit(
    store: Store, path: str, after: int = 0, limit: int = 100
) -> tuple[list[Change], int | None]:
    """A page of the changes in the log below `path`, and the `after` of the next page.

    `after` is the number of an entry. All changes of one entry are on one page, so a page may have
    some more than `limit`, or fewer: READ_A_PAGE entries are read at most. Raises `Damaged` for an
    altered entry.
    """
    keys = islice(_keys(store, path, after), READ_A_PAGE + 1)
    page, last = list[Change](), after
    for read, entry in enumerate(_entries(store, keys)):
        if read == READ_A_PAGE or len(page) >= limit:
            return page, last
        page += changes(entry)
        last = entry.seq
    return page, None


def changes(entry: Entry) -> list[Change]:
    """Return what the entry's events changed because somebody asked for it, or at the end."""
    founded = any(isinstance(event, events.Submitted) for event in entry.events)
    found = (
        _intervention(entry.seq, event) or _change(entry.seq, event, founded)
        for event in entry.events
    )
    return [change for change in found if change is not None]


def _keys(store: Store, path: str, after: int) -> Iterator[str]:
    listed = store.list(f"{path}journal/", f"{path}journal/{after:020d}.json")
    return (key for key in listed if entry_seq(key) is not None)


def _entries(store: Store, keys: Iterator[str]) -> Iterator[Entry]:
    known = list(keys)
    for key, stored in zip(known, streamed(store.get, known), strict=True):
        seq = entry_seq(key)
        if stored is not None and seq is not None:  # else a purge has just removed it
            yield decode(stored.data, seq)[0]


def _change(seq: int, event: Event, founded: bool) -> Change | None:
    match event:
        case events.Submitted(at=at, actor=actor, uid=uid):
            return Change(seq, at, actor, "submit", f"uid {uid}")
        case events.TrialsCreated(at=at, actor=actor, enqueued=True) if not founded:
            action = "import" if event.imported else "enqueue"
            return Change(seq, at, actor, action, _created(event))
        case events.AttemptStarted(at=at, actor=actor) if actor:
            return Change(seq, at, actor, "take", f"trial {event.number}, attempt {event.attempt}")
        case events.TrialsCreated(at=at, actor=actor, first=n) if actor and not founded:
            return Change(seq, at, actor, "create", f"trial {n}")
        case events.TrialEnded(at=at, actor=actor, number=n) if actor:
            return Change(seq, at, actor, "tell", f"trial {n}: {event.state}")
        case events.TrialChanged(actor=actor, number=n) if actor:
            return Change(seq, None, actor, "change", f"trial {n}")
        case events.AttributesSet(actor=actor) if actor:
            return Change(seq, None, actor, "set", "attributes of the study")
        case events.Extended(at=at, actor=actor):
            return Change(seq, at, actor, "extend", f"changes {', '.join(sorted(event.changes))}")
        case _:
            return _control(seq, event)


def _intervention(seq: int, event: Event) -> Change | None:
    match event:
        case events.TrialEnded(
            at=at, actor=actor, number=n, state=TrialState.STOPPED, reason=ends.ON_REQUEST
        ):
            return Change(seq, at, actor, "stop", f"trial {n}")
        case events.TrialsCreated(at=at, actor=actor, retry_of=int(n)):
            return Change(seq, at, actor, "retry", f"trial {n}, as trial {event.first}")
        case events.NoteSet(at=at, actor=actor, number=n):
            where = "the experiment" if n is None else f"trial {n}"
            return Change(seq, at, actor, "note", f"on {where}: {event.note or 'none'}")
        case events.Extended(at=at, actor=actor, changes=changes) if changes.keys() == {"labels"}:
            return Change(seq, at, actor, "label", _labelled(changes["labels"]))
        case _:
            return None


def _control(seq: int, event: Event) -> Change | None:
    match event:
        case events.Paused(at=at, actor=actor):
            return Change(seq, at, actor, "pause")
        case events.Resumed(at=at, actor=actor):
            return Change(seq, at, actor, "resume")
        case events.Ended(at=at, actor=actor):
            return Change(seq, at, actor, "end", f"{event.state}: {event.reason}")
        case events.Deleted(at=at, actor=actor):
            return Change(seq, at, actor, "delete")
        case _:
            return None


def _labelled(labels: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in labels.items()) or "none"


def _created(event: events.TrialsCreated) -> str:
    last = event.first + len(event.assignments) - 1
    which = f"trial {last}" if last == event.first else f"trials {event.first} to {last}"
    return f"{which}: {event.user_note}" if event.user_note else which
