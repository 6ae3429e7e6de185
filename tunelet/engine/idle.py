"""The live experiments that a sweep may skip: it found nothing to do, and nothing has changed.

Looking at 2,000 waiting or paused experiments took a large part of a processor. The notes here are
a hint of this process alone: without them, a sweep looks at every experiment.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from tunelet.core.experiment import Experiment
from tunelet.core.installation import Installation
from tunelet.core.trial import TrialState
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Marker
from tunelet.log.reader import entry_key
from tunelet.ports import Launcher, Store

LOOKS = 3
"""The number of looks in a row that have to find nothing before one is skipped."""

SOON = 10.0
"""Seconds of the first pause. Each further pause is twice as long."""

LONGEST = 600.0
"""The longest pause, in seconds."""
LONGEST_WAITING = 120.0
"""The longest pause, in seconds, if a trial waits for room and no signal announces room."""

CHECK_SECONDS = 15.0
"""Seconds between two reads of the log's end, which show other processes' commits. This process's
own commits are seen at once."""


class _Note(NamedTuple):
    """A look that found nothing to do."""

    markers: frozenset[Marker]
    seq: int
    """The newest entry of the log."""
    looks: int
    """How many looks in a row found nothing."""
    at: float
    holds: bool
    """Whether this installation has runs or slots in it, or is a member."""
    again: float
    """When the next look is due even if nothing changes."""
    checked: float
    """When the end of the log was read last."""


class Idle:
    """The quiet experiments that one process knows."""

    def __init__(self, store: Store, launcher: Launcher, journals: Journals) -> None:
        self._store = store
        self._launcher = launcher
        self._journals = journals
        self._clock = journals.clock
        self._by = journals.by
        self._notes: dict[tuple[str, str], _Note] = {}

    def keep(self, names: Sequence[tuple[str, str]]) -> None:
        """Forget all experiments but these: the others are not live any more."""
        live = set(names)
        self._notes = {name: note for name, note in self._notes.items() if name in live}

    def rests(self, name: tuple[str, str], markers: Sequence[Marker]) -> bool:
        """Whether a look would find nothing to do. Raises `Retry` if the store does."""
        note = self._notes.get(name)
        if note is None or note.markers != frozenset(markers):
            return False
        if self._is_due(note) or self._journals.seen(*name) > note.seq:
            return False
        now = self._clock()
        if 0 <= now - note.checked < CHECK_SECONDS:
            return True
        self._notes[name] = note._replace(checked=now)
        return self._store.get(entry_key(f"v1/{name[0]}/{name[1]}/", note.seq + 1)) is None

    def holds(self, name: tuple[str, str]) -> bool:
        """Whether a quiet experiment has runs of this installation, or slots for them."""
        return (note := self._notes.get(name)) is not None and note.holds

    def _is_due(self, note: _Note) -> bool:
        now = self._clock()
        back = now < note.at  # the clock was set back, and `again` with it
        return back or now >= note.again

    def looked(
        self,
        experiment: Experiment,
        markers: Sequence[Marker],
        seq: tuple[int, int],
    ) -> None:
        """Note a look that found the log at entry `seq[0]` and left it at `seq[1]`."""
        name = experiment.namespace, experiment.name
        before = self._notes.pop(name, None)
        if seq[0] != seq[1] or _moves(experiment, self._by):
            return
        same = before is not None and before.seq == seq[1]
        looks = before.looks + 1 if before is not None and same else 1
        now = self._clock()
        self._notes[name] = _Note(
            markers=frozenset(markers),
            seq=seq[1],
            looks=looks,
            at=now,
            holds=experiment.active > 0 or self._by.id in experiment.shared,
            again=min([now + self._pause(experiment, looks), *_due(experiment)]),
            checked=now,
        )

    def _pause(self, experiment: Experiment, looks: int) -> float:
        """Return the seconds until the next look, varied so that looks do not coincide."""
        if looks < LOOKS:
            return 0.0
        waits = experiment.active or experiment.room
        signalled = not waits or self._launcher.announces_room
        most = LONGEST if signalled else LONGEST_WAITING
        return float(min(most, SOON * 2.0 ** min(looks - LOOKS, 10))) * random.uniform(0.75, 1.0)


def _moves(experiment: Experiment, by: Installation) -> bool:
    """Whether every sweep has to look: it has runs to observe, or has ended and needs cleaning up.

    Also if another installation has slots: only regular looks show whether that one is alive.
    """
    others = experiment.shared.slots.keys() - {by.id}
    return (
        experiment.over
        or bool(others)
        or any(
            t.state is TrialState.RUNNING or (t.active and not by.owns(t)) for t in experiment.live
        )
    )


def _due(experiment: Experiment) -> list[float]:
    """Return the times that need a look: the end of `max_seconds` and of trials' waits."""
    times = [trial.not_before for trial in experiment.live if trial.not_before is not None]
    begun, limit = experiment.running_since, experiment.terms.max_seconds
    if begun is not None and limit is not None:
        times.append(begun + limit - experiment.seconds)
    return times
