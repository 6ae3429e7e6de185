"""The live experiments that a sweep may skip: it found nothing to do, and nothing has changed.

Looking at an experiment takes about 14 requests, so a sweep over 2,000 of them took longer than the
minute until the next. What a process notes here it also stores for the next one
(tunelet.log.quiet). A note is a hint: without it, a sweep looks at the experiment.

A change that a note does not show is found in one of these ways, whatever the store lost:

    a resume, an extension or a deletion    it puts a marker first: by the next sweep
    the end or any other news of a run      the launcher lists another state: by the next sweep
    a run that the log does not know of     the launcher lists it: by the next sweep
    any other entry                         its number is read: within `CHECK_SHARE` sweeps
    anything outside the log                the next look is due after `LONGEST` at the latest,
                                            or after `LONGEST_RUNNING` with runs
"""

import logging
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256

import msgspec

from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.installation import Installation
from tunelet.core.run import Life, Run
from tunelet.core.trial import TrialState
from tunelet.engine.runs import run_of
from tunelet.errors import TuneletError
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Marker
from tunelet.log.parallel import at_once
from tunelet.log.quiet import Name, Note, QuietNotes
from tunelet.log.reader import entry_key
from tunelet.ports import Launcher, Store, Versions

log = logging.getLogger("tunelet.engine.idle")

LOOKS = 3
"""The number of looks in a row that have to find nothing before one is skipped."""

SOON = 10.0
"""Seconds of the first pause. Each further pause is twice as long."""

LONGEST = 1800.0
"""The longest pause, in seconds."""
LONGEST_SIGNALLED = 600.0
"""The longest pause, in seconds, if a trial waits for room and a signal announces it."""
LONGEST_RUNNING = 600.0
"""The longest pause, in seconds, if runs are active."""
LONGEST_WAITING = 120.0
"""The longest pause, in seconds, if a trial waits for room and no signal announces room."""

TRIES = 16
"""After this number of looks in a row without room in a namespace, a sweep looks there only at
experiments that were not looked at for `LONGEST_SIGNALLED`."""

CHECK_SECONDS = 15.0
"""Seconds between two reads of the log's end, which show other processes' commits. This process's
own commits are seen at once."""
CHECKS = 100
"""A sweep reads the ends of this number of logs at most, or of one in `CHECK_SHARE` if that is
more. So the end of each log is read at least once in `CHECK_SHARE` sweeps."""
CHECK_SHARE = 5

STORED_SECONDS = 60.0
"""Seconds between two writes of the notes by a process, and the age at which it reads them."""


class Idle:
    """The quiet experiments of one installation, as far as this process knows. Threads may share
    one."""

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        journals: Journals,
        limited: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`limited` shows in which namespaces trials may also wait for a quota."""
        self._store = store
        self._launcher = launcher
        self._limited = limited
        self._journals = journals
        self._clock = journals.clock
        self._by = journals.by
        self._stored = QuietNotes(store, journals.by.id)
        self._shared = not self._by.joins
        """Whether other processes may be of this installation: a member is a process alone."""
        self._lock = threading.Lock()
        self._notes: dict[Name, Note] = {}
        self._read_at: float | None = None
        self._written_at: float | None = None
        self._changed = False
        self._full = Counter[str]()
        """How many looks in a row found no room, by namespace."""
        self._runs: dict[Name, dict[Run, str]] = {}
        """The active runs when this sweep began, and the versions of their states."""

    def begin(self, names: Collection[Name], lives: Mapping[Life, Versions]) -> None:
        """Begin a sweep of these live experiments, with the notes of other processes.

        `lives` was listed before the names. Raises `Retry` if the notes cannot be read; then all
        but this process's own are missing.
        """
        self._full.clear()
        self._runs = {}
        for life, versions in lives.items():
            name = Name(life.namespace, life.experiment)
            self._runs.setdefault(name, {}).update(versions)
        if names and self._shared and self._old(self._read_at) and self._old(self._written_at):
            self._read_at = self._clock()
            self._take(self._stored.read())
        self._notes = {name: self._notes[name] for name in names if name in self._notes}

    def save(self, ended: bool) -> None:
        """Store the notes for other processes, if that is due. Raises `Retry`.

        `ended`: the sweep has ended, and the process may end with it.
        """
        if not (self._shared and self._changed and self._old(self._written_at)):
            return
        if ended or self._old(self._read_at):
            with self._lock:
                notes, self._changed = dict(self._notes), False
            self._written_at = self._clock()
            self._stored.write(notes)

    def _old(self, at: float | None) -> bool:
        return at is None or not 0 <= self._clock() - at < STORED_SECONDS

    def _take(self, stored: Mapping[Name, Note]) -> None:
        for name, note in stored.items():
            known = self._notes.get(name)
            if known is None or known.at < note.at:
                self._notes[name] = note

    def due(self, marked: Mapping[Name, Sequence[Marker]]) -> Collection[Name]:
        """Return the experiments to look at."""
        quiet = {
            name: note
            for name, markers in marked.items()
            if (note := self._notes.get(name)) is not None
            and note.is_of(markers)
            and _digest(self._runs.get(name, {})) == note.runs
            and not self._is_due(note)
            and self._journals.seen(*name) <= note.seq
        }
        unchecked = self._unchecked(quiet)
        moved = at_once(self._has_moved, unchecked)
        return (marked.keys() - quiet.keys()) | {
            name for name, has in zip(unchecked, moved, strict=True) if has
        }

    def skips(self, name: Name) -> bool:
        """Whether others of its namespace show that a due experiment waits in vain."""
        note = self._notes.get(name)
        if note is None or not note.waits or self._full[name.namespace] < TRIES:
            return False
        return 0 <= self._clock() - note.at < LONGEST_SIGNALLED

    def holds(self, name: Name) -> bool:
        """Whether a quiet experiment has runs of this installation, or slots for them."""
        return (note := self._notes.get(name)) is not None and note.holds

    def looked(
        self,
        experiment: Experiment,
        markers: Sequence[Marker],
        seq: tuple[int, int],
        runs: bool = False,
        unsaved: bool = False,
    ) -> None:
        """Note a look that found the log at entry `seq[0]` and left it at `seq[1]`.

        `runs`: the experiment had active runs. `unsaved`: output of ended runs had to be stored.
        """
        name = Name(experiment.namespace, experiment.name)
        with self._lock:
            before = self._notes.pop(name, None)
            self._changed |= before is not None
            if seq[0] != seq[1]:
                self._full[name.namespace] = 0
            listed = self._runs.get(name, {})
            digest = None if runs and not listed else _digest(listed)
            unseen = digest is None or listed.keys() != _running(experiment)
            if seq[0] != seq[1] or unseen or unsaved or _moves(experiment, self._by):
                return
            note = self._note(experiment, markers, seq[1], before)
            note = msgspec.structs.replace(note, runs=digest)
            self._full[name.namespace] += note.waits
            self._notes[name], self._changed = note, True

    def _note(
        self, experiment: Experiment, markers: Sequence[Marker], seq: int, before: Note | None
    ) -> Note:
        # Reports of a run are entries by others, of which each has done what follows from it.
        same = before is not None and (before.seq == seq or bool(before.runs))
        looks = before.looks + 1 if before is not None and same else 1
        now = self._clock()
        return Note(
            markers=frozenset(marker.key for marker in markers),
            seq=seq,
            looks=looks,
            at=now,
            holds=experiment.active > 0 or self._by.id in experiment.shared,
            waits=_waits(experiment, now),
            again=min([now + self._pause(experiment, looks), *_due(experiment)]),
            checked=now,
        )

    def _is_due(self, note: Note) -> bool:
        now = self._clock()
        back = now < note.at  # the clock was set back, and `again` with it
        return back or now >= min(note.again, note.at + LONGEST)

    def _unchecked(self, quiet: Mapping[Name, Note]) -> Sequence[Name]:
        """Return the experiments of which the log's end is to be read, the longest unread first."""
        now = self._clock()
        names = [n for n, note in quiet.items() if not 0 <= now - note.checked < CHECK_SECONDS]
        most = max(CHECKS, math.ceil(len(quiet) / CHECK_SHARE))
        return sorted(names, key=lambda name: quiet[name].checked)[:most]

    def _has_moved(self, name: Name) -> bool:
        """Whether the log has a newer entry. Also if it cannot be read: a look shows the fault."""
        note = self._notes[name]
        try:
            key = entry_key(f"v1/{name.namespace}/{name.experiment}/", note.seq + 1)
            moved = self._store.get(key) is not None
        except TuneletError:
            return True
        except Exception:
            # The fault of one tenant's store must not keep the sweep from the others.
            log.exception("the end of a log cannot be read", extra=name._asdict())
            return True
        if not moved:
            with self._lock:
                checked = msgspec.structs.replace(note, checked=self._clock())
                self._notes[name], self._changed = checked, True
        return moved

    def _pause(self, experiment: Experiment, looks: int) -> float:
        """Return the seconds until the next look, varied so that looks do not coincide."""
        if looks < LOOKS:
            return 0.0
        most = LONGEST
        running = _running(experiment)
        if running:
            most = LONGEST_RUNNING
        waits = experiment.active > len(running) or experiment.room
        if experiment.state is ExperimentState.RUNNING and waits:
            # The signal that a trial of the same namespace has ended goes to one installation only.
            limited = self._limited(experiment.namespace)
            signalled = self._launcher.announces_room and not limited
            most = LONGEST_SIGNALLED if signalled else LONGEST_WAITING
        return float(min(most, SOON * 2.0 ** min(looks - LOOKS, 10))) * random.uniform(0.75, 1.0)


def _moves(experiment: Experiment, by: Installation) -> bool:
    """Whether every sweep has to look: it has ended and needs cleaning up, or others have slots.

    Only regular looks show whether another installation is alive.
    """
    others = experiment.shared.slots.keys() - {by.id}
    return (
        experiment.over
        or bool(others)
        or any(trial.active and not by.owns(trial) for trial in experiment.live)
    )


def _running(experiment: Experiment) -> Collection[Run]:
    """Return the runs that are active unless they have ended since."""
    return {
        run_of(experiment, trial.number, trial.attempt)
        for trial in experiment.live
        if trial.state is TrialState.RUNNING
    }


def _digest(versions: Versions) -> str | None:
    """Return a digest that is equal as long as these runs are the same, and nothing happens to any;
    None if only observations show that. Empty without runs."""
    if not all(versions.values()):
        return None
    each = sorted(" ".join([*map(str, run), version]) for run, version in versions.items())
    return sha256("\n".join(each).encode()).hexdigest()[:32] if each else ""


def _waits(experiment: Experiment, now: float) -> bool:
    """Whether a trial has a slot, and no run because there was no room."""
    runs = experiment.state is ExperimentState.RUNNING
    launched = TrialState.RUNNING
    waiting = (t for t in experiment.live if t.active and t.state is not launched)
    return runs and any(not trial.waits(now) for trial in waiting)


def _due(experiment: Experiment) -> list[float]:
    """Return the times that need a look: the end of `max_seconds`, of trials' waits, and of the
    silence after which a run may have stalled."""
    times = [trial.not_before for trial in experiment.live if trial.not_before is not None]
    silence = experiment.terms.stall_seconds
    if silence is not None:
        times += [
            max(trial.started_at, trial.reported_at or 0.0) + silence
            for trial in experiment.live
            if trial.started_at is not None
        ]
    begun, limit = experiment.running_since, experiment.terms.max_seconds
    if begun is not None and limit is not None:
        times.append(begun + limit - experiment.seconds)
    return times
