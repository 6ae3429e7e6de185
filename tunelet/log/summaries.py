"""Summaries of experiments for lists, without a read of the logs that have not changed.

A summary is of the log up to an entry `seq`. It is shown only if entry `seq` is still the log's
end: entry `seq + 1` is absent, and no purge has removed `seq` (see `tunelet.log.tail`). So a list
costs one or two requests for each unchanged experiment, and is never older than its request.

A process keeps the summaries that it has made. The summary of an experiment at rest is also stored
in the marker by which lists find it, for processes that have read nothing yet:

    index/{namespace}/{experiment}/{uid}    {"format":1,"seq":61,"sum":"…","summary":{…}}, or empty

It is a hint: it may be absent, old or unreadable, and then the log is read. It may also be newer
than the log, in a copy of a store that services were using. So it counts only if the log has an
entry `seq` with the same `sum`.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from tunelet.core.bounded_cache import BoundedCache
from tunelet.core.experiment import unreadable
from tunelet.core.summary import Summary, summary
from tunelet.errors import NotFound, TuneletError
from tunelet.log.entry import Damaged, sum_of
from tunelet.log.journal import Newest
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Indexed, index_key
from tunelet.log.parallel import streamed
from tunelet.log.reader import entry_key, purged
from tunelet.log.tail import FRESH, Moment
from tunelet.ports import Store

log = logging.getLogger("tunelet.log.summaries")

FORMAT = 1
"""That of stored summaries. A version that computes them in another way needs another number."""

KEPT = 10_000
"""The most summaries that a process keeps: usually about 20 MiB."""

KEPT_BYTES = 32 << 20
"""The most bytes that they take as JSON: one with 1,000 metrics takes 200 KiB."""

STORED_BYTES = 1 << 20
"""The most bytes of a stored summary. A tenant may be able to write a larger object."""

AT_REST = 120.0
"""Seconds after an experiment's end before its summary is stored: it may be resumed at once."""


class _Note(msgspec.Struct, frozen=True):
    """A stored summary, of the log up to entry `seq`."""

    format: int
    seq: int
    sum: str
    """That of entry `seq`."""
    summary: Summary


class _Known(NamedTuple):
    summary: Summary
    seq: int
    size: int
    """Its bytes as JSON."""
    end: Moment | None
    """When entry `seq` was last known to be the log's end; None if that was never checked."""


_decoder = msgspec.json.Decoder(_Note)


class Summaries:
    """Threads may share one."""

    def __init__(self, store: Store, journals: Journals) -> None:
        self._store = store
        self._journals = journals
        self._clock: Callable[[], float] = journals.clock
        self._lock = threading.Lock()
        self._kept: BoundedCache[tuple[str, str], _Known] = BoundedCache(
            count=KEPT, weight=KEPT_BYTES
        )

    def page(
        self, namespace: str, listed: Iterable[Indexed], limit: int
    ) -> tuple[list[Summary], str | None]:
        """Return the summaries of the first `limit` experiments, and the `after` of the next page
        if there is one.

        An experiment that is just being submitted or deleted is left out. One with a damaged log is
        in the state DAMAGED. Raises `Retry`.
        """
        names = list(islice(listed, limit + 1))
        found = streamed(partial(self._of, namespace), names[:limit])
        page = [each for each in found if each is not None]
        return page, names[limit - 1].name if len(names) > limit else None

    def store(self, namespace: str, name: str, uid: str) -> None:
        """Store the summary of this life of the experiment for other processes, if it is at rest.

        Raises `Retry`.
        """
        try:
            newest = self._journals.of(namespace, name).newest()
        except NotFound:
            return
        if newest.experiment.uid == uid:
            self._store_if_at_rest(newest)

    def _of(self, namespace: str, indexed: Indexed) -> Summary | None:
        key = (namespace, indexed.name)
        with self._lock:
            known = self._kept.get(key)
        if known is None and indexed.uid:
            known = self._stored(namespace, indexed)
        asked = self._now()
        if known is not None and self._is_newest(known):
            self._keep(known._replace(end=asked))
            return known.summary
        return self._read(namespace, indexed.name, asked)

    def _is_newest(self, known: _Known) -> bool:
        """Whether the entry of the summary is still the log's end."""
        namespace, name = known.summary.namespace, known.summary.name
        if self._journals.seen(namespace, name) > known.seq:
            return False
        path = f"v1/{namespace}/{name}/"
        if self._store.get(entry_key(path, known.seq + 1)) is not None:
            return False
        if known.end is not None and known.end.seconds_to(self._now()) < FRESH:
            return True
        return purged(self._store, path) <= known.seq

    def _read(self, namespace: str, name: str, asked: Moment) -> Summary | None:
        try:
            newest = self._journals.of(namespace, name).newest()
        except NotFound:
            with self._lock:
                self._kept.take((namespace, name))
            return None
        except Damaged as damage:
            return summary(unreadable(namespace, name, str(damage)))
        shown = summary(newest.experiment)
        self._keep(_Known(shown, newest.seq, len(msgspec.json.encode(shown)), asked))
        self._store_if_at_rest(newest)
        return shown

    def _store_if_at_rest(self, newest: Newest) -> None:
        """Store the summary in the marker, unless a deletion has removed the marker.

        Faults are only logged: without the summary, the next process reads the log.
        """
        experiment = newest.experiment
        ended = experiment.ended_at
        if not experiment.over or ended is None or self._clock() < ended + AT_REST:
            return
        namespace, name, uid = experiment.namespace, experiment.name, experiment.uid
        key = index_key(namespace, name, uid)
        try:
            stored = self._store.get(key)
            note = stored and _decoded(stored.data)
            if stored is not None and (note is None or (note.seq, note.sum) != newest[1:]):
                data = msgspec.json.encode(_Note(FORMAT, *newest[1:], summary(experiment)))
                self._store.replace(key, data, stored.version)
        except TuneletError as fault:
            where = {"namespace": namespace, "experiment": name}
            log.info("the summary is not stored: %s", fault, extra=where)

    def _keep(self, known: _Known) -> None:
        key = (known.summary.namespace, known.summary.name)
        with self._lock:
            last = self._kept.get(key)
            if last is None or last.seq <= known.seq:
                self._kept.put(key, known, known.size)

    def _now(self) -> Moment:
        return Moment(time.monotonic(), self._clock())

    def _stored(self, namespace: str, indexed: Indexed) -> _Known | None:
        """Return the summary in the experiment's marker; None if it has none that is readable."""
        stored = self._store.get(index_key(namespace, *indexed))
        note = _decoded(stored.data) if stored is not None else None
        if stored is None or note is None or note.summary.uid != indexed.uid:
            return None
        if not self._has_entry(f"v1/{namespace}/{indexed.name}/", note):
            return None
        # A tenant may be able to write the object, and must not name another tenant's experiment.
        mine = replace(note.summary, namespace=namespace, name=indexed.name)
        return _Known(mine, note.seq, len(stored.data), None)

    def _has_entry(self, path: str, note: _Note) -> bool:
        """Whether the log has the entry of which the note is."""
        entry = self._store.get(entry_key(path, note.seq))
        return entry is not None and sum_of(entry.data) == note.sum


def _decoded(data: bytes) -> _Note | None:
    """Return the note; None if this version cannot read it."""
    if len(data) > STORED_BYTES:
        return None
    try:
        note = _decoder.decode(data)
    except (ValueError, RecursionError):
        return None
    return note if note.format == FORMAT else None
