"""The sweep: what looks at every live experiment, whatever events were lost."""

import logging
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from tunelet import commands
from tunelet.engine.quiet import Quiet
from tunelet.errors import NotFound, Retry, Unavailable
from tunelet.experiment import DELETED, Experiment
from tunelet.log import retention
from tunelet.log.entry import Damaged, Newer
from tunelet.log.journals import Journals
from tunelet.log.markers import Marker, Markers
from tunelet.log.retention import Expiry
from tunelet.loop import Loop
from tunelet.ports import Launcher, Life, Store
from tunelet.runs import Runs
from tunelet.stopping import Stopping

log = logging.getLogger("tunelet.sweep")

T = TypeVar("T", Expiry, Marker)

WATCHED = 120.0
"""Seconds for which an experiment is still swept after its end. A function that read the state
before may be about to launch a run, and may die before it can stop that run again."""


class Sweep:
    """Does all that a lost event would have brought about."""

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        journals: Journals,
        markers: Markers,
        stopping: Stopping,
        runs: Runs,
        loop: Loop,
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._journals = journals
        self._markers = markers
        self._stopping = stopping
        self._runs = runs
        self._loop = loop
        self._quiet = Quiet(store, journals.clock)

    def sweep(self, ending: Callable[[], bool] = lambda: False) -> int:
        """Do for every live experiment all that lost signals would have; returns how many.

        Deletes the ended ones whose time has come, too. Begins with another each time: one that
        takes the process's life, or all of its time, must not keep it from those after it. Looks at
        no further experiment once the process is `ending`. Raises `Retry` if the store is of no use
        now: every other experiment would meet the same.
        """
        expired = _by_experiment(retention.due(self._store, self._journals.clock()))
        marked = _by_experiment(self._markers.live())
        names = sorted(expired.keys() | marked.keys())
        self._quiet.keep(names)
        random.shuffle(names)
        live = 0
        for name in names:
            if ending():
                return live
            live += self._swept(expired.get(name, []), marked.get(name, []))
        self._stop_strays()
        return live

    def _swept(self, expired: Sequence[Expiry], markers: Sequence[Marker]) -> bool:
        """Do so for one experiment, whose fault is its own; whether it is live."""
        for each in expired:
            with self._faults("expired experiment is still there", each.namespace, each.name):
                self._expire(each)
        if markers:
            name = markers[0][:2]
            with self._faults("experiment is left to the next sweep", *name):
                return self._quiet.rests(name, markers) or self._look_after(markers)
        return False

    @contextmanager
    def _faults(self, what: str, namespace: str = "", name: str = "") -> Iterator[None]:
        """One experiment's fault ends nothing but its own part, unless it is the store's."""
        where = {"namespace": namespace, "experiment": name}
        try:
            yield
        except NotFound:
            log.info("an experiment was deleted during the sweep", extra=where)
        except Retry as fault:
            if isinstance(fault, Unavailable):
                self._store.ready()
            log.warning("%s: %s", what, fault, extra=where)
        except Exception:
            log.exception(what, extra=where)

    def _stop_strays(self) -> None:
        """Stop what runs though no log knows its experiment: it was removed by hand, say."""
        with self._faults("runs of unknown experiments may be left"):
            for life in self._launcher.lives():
                where = life.namespace, life.experiment
                with self._faults("runs of an unknown experiment may be left", *where):
                    if self._unknown(life):
                        self._runs.stop_strays(life)

    def _unknown(self, life: Life) -> bool:
        try:
            experiment = self._journals.of(life.namespace, life.experiment).peek()
        except Damaged:
            return False  # its marker brings it to `_halt`
        return experiment is None or experiment.state == DELETED or experiment.uid != life.uid

    def _look_after(self, markers: Sequence[Marker]) -> bool:
        """All that the experiment of these markers needs; whether it is live."""
        namespace, name = markers[0][:2]
        journal = self._journals.of(namespace, name)
        try:
            journal.peek()
            before = journal.seq
            experiment = self._moved_on(namespace, name)
            for marker in markers:
                self._tidy(marker, experiment)
            if experiment is not None and not self._runs.active(namespace, name):
                journal.peek()
                self._quiet.looked(experiment, markers, (before, journal.seq))
        except Newer as newer:
            where = {"namespace": namespace, "experiment": name}
            log.warning("left to a newer version of the service: %s", newer, extra=where)
            return True
        except Damaged as damage:
            self._halt(namespace, name, damage)
            return False
        return (
            experiment is not None
            and not experiment.over
            and any(marker.announces(experiment) for marker in markers)
        )

    def _moved_on(self, namespace: str, name: str) -> Experiment | None:
        journal = self._journals.of(namespace, name)
        experiment = journal.peek()
        if experiment is not None and not experiment.over:
            verdicts = self._stopping.verdicts(experiment)
            journal.commit(commands.Tick(), *verdicts, uid=experiment.uid)
            self._loop.collect(namespace, name)
            self._suggest(namespace, name)
        self._loop.launch(namespace, name)
        self._runs.stop_unwanted(namespace, name)
        return journal.peek()

    def _suggest(self, namespace: str, name: str) -> None:
        """What keeps the algorithm from being asked does not keep runs from being launched."""
        try:
            self._loop.suggest(namespace, name)
        except Unavailable:
            raise
        except Retry as fault:
            where = {"namespace": namespace, "experiment": name}
            log.warning("no trials can be suggested now: %s", fault, extra=where)

    def _tidy(self, marker: Marker, experiment: Experiment | None) -> None:
        at_rest = self._at_rest(marker, experiment)
        if experiment is not None and at_rest:
            retention.note(self._store, experiment)
        self._markers.tidy(marker, experiment, at_rest)

    def _halt(self, namespace: str, name: str, damage: Damaged) -> None:
        """Stop what runs for a log that nothing can be recorded in any more."""
        where = {"namespace": namespace, "experiment": name}
        log.error("the log is damaged: %s", damage, extra=where)
        try:
            self._runs.stop(self._runs.active(namespace, name))
        except Retry as fault:
            log.warning("some runs are stopped by the next sweep: %s", fault, extra=where)

    def _expire(self, expired: Expiry) -> None:
        """Delete the experiment, unless it goes on or is to be kept longer by now."""
        journal = self._journals.of(expired.namespace, expired.name)
        experiment = journal.peek()
        if experiment is not None and retention.expiry(experiment) == expired:
            self._markers.set(expired.after())
            experiment = journal.commit(commands.Expire(expired.epoch), uid=expired.uid)
            self._loop.follow(experiment)
        if experiment is not None:
            retention.note(self._store, experiment)
        if experiment is None or retention.expiry(experiment) != expired:
            retention.forget(self._store, expired)

    def _at_rest(self, marker: Marker, experiment: Experiment | None) -> bool:
        """Nothing of the marker's life runs, and what a deleted one has left is removed."""
        namespace, name, uid = marker.namespace, marker.name, marker.uid
        if any(run.uid == uid for run in self._launcher.active(namespace, name)):
            return False
        if experiment is not None and experiment.uid == uid and experiment.state != DELETED:
            ended = experiment.ended_at
            return ended is not None and self._journals.clock() >= ended + WATCHED
        self._launcher.remove(namespace, name, uid)
        return self._journals.of(namespace, name).purge()


def _by_experiment(each: Iterable[T]) -> Mapping[tuple[str, str], list[T]]:
    found = defaultdict(list)
    for one in each:
        found[one.namespace, one.name].append(one)
    return found
