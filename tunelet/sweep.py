"""The sweep: what looks at every live experiment, whatever events were lost."""

import logging

from tunelet import commands
from tunelet.errors import Retry
from tunelet.experiment import DELETED, Experiment
from tunelet.log import retention
from tunelet.log.entry import Damaged, Newer
from tunelet.log.journals import Journals
from tunelet.log.markers import Marker, Markers
from tunelet.loop import Loop
from tunelet.ports import Launcher, Store
from tunelet.runs import Runs
from tunelet.stopping import Stopping

log = logging.getLogger("tunelet.sweep")

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

    def sweep(self) -> int:
        """Do for every live experiment all that lost signals would have; returns how many.

        Deletes the ended ones whose time has come, too.
        """
        live = 0
        for expired in retention.due(self._store, self._journals.clock()):
            try:
                self._expire(expired)
            except Exception:
                where = {"namespace": expired.namespace, "experiment": expired.name}
                log.exception("an expired experiment is still there", extra=where)
        for marker in self._markers.live():
            try:
                live += self._look_after(marker)
            except Exception:
                # One experiment's fault must not keep the sweep from the others.
                log.exception(
                    "sweep failed", extra={"namespace": marker.namespace, "experiment": marker.name}
                )
        self._stop_strays()
        return live

    def _stop_strays(self) -> None:
        """Stop what runs though no log knows its experiment: the bucket was emptied, say."""
        try:
            for life in self._launcher.lives():
                experiment = self._journals.of(life.namespace, life.experiment).peek()
                gone = experiment is None or experiment.state == DELETED
                if gone or (experiment is not None and experiment.uid != life.uid):
                    runs = self._launcher.active(life.namespace, life.experiment)
                    self._runs.stop(run for run in runs if run.uid == life.uid)
        except Exception:
            log.exception("runs of unknown experiments may be left")

    def _look_after(self, marker: Marker) -> bool:
        """All that the marker's experiment needs; whether it is live."""
        try:
            return self._moved_on(marker)
        except Newer as newer:
            where = {"namespace": marker.namespace, "experiment": marker.name}
            log.warning("left to a newer version of the service: %s", newer, extra=where)
            return True
        except Damaged as damage:
            self._halt(marker, damage)
            return False

    def _moved_on(self, marker: Marker) -> bool:
        namespace, name = marker.namespace, marker.name
        journal = self._journals.of(namespace, name)
        experiment = journal.peek()
        if experiment is not None and not experiment.over:
            verdicts = self._stopping.verdicts(experiment)
            journal.commit(commands.Tick(), *verdicts, uid=experiment.uid)
            self._loop.collect(namespace, name)
            self._loop.suggest(namespace, name)
        self._loop.launch(namespace, name)
        self._runs.stop_unwanted(namespace, name)
        experiment = journal.peek()
        at_rest = self._at_rest(marker, experiment)
        if experiment is not None and at_rest:
            retention.note(self._store, experiment)
        self._markers.tidy(marker, experiment, at_rest)
        return experiment is not None and marker.announces(experiment) and not experiment.over

    def _halt(self, marker: Marker, damage: Damaged) -> None:
        """Stop what runs for a log that nothing can be recorded in any more."""
        where = {"namespace": marker.namespace, "experiment": marker.name}
        log.error("the log is damaged: %s", damage, extra=where)
        try:
            self._runs.stop(self._launcher.active(marker.namespace, marker.name))
        except Retry as fault:
            log.warning("some runs are stopped by the next sweep: %s", fault, extra=where)

    def _expire(self, expired: retention.Expiry) -> None:
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
