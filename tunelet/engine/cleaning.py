"""Remove what ended and deleted experiments leave: their markers, objects and traces of runs."""

from tunelet.core import commands
from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.engine.loop import Loop
from tunelet.engine.outputs import Outputs
from tunelet.log import expiry
from tunelet.log.expiry import Expiry
from tunelet.log.journal_cache import Journals
from tunelet.log.markers import Marker, Markers
from tunelet.log.summaries import Summaries
from tunelet.ports import Launcher, Store

WATCHED = 120.0
"""Seconds for which an experiment is still swept after its end. A function that read an earlier
state may still launch a run, and may die before it can stop that run again."""


class Cleaning:
    """The part of a sweep that comes after the end of an experiment."""

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        journals: Journals,
        markers: Markers,
        outputs: Outputs,
        summaries: Summaries,
        loop: Loop,
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._journals = journals
        self._markers = markers
        self._outputs = outputs
        self._summaries = summaries
        self._loop = loop

    def tidy(self, marker: Marker, experiment: Experiment | None) -> None:
        """Remove the marker unless its life still needs looks; note when the experiment expires."""
        at_rest = self._at_rest(marker, experiment)
        if experiment is not None and at_rest:
            expiry.note(self._store, experiment)
            self._summaries.store(marker.namespace, marker.name, marker.uid)
        self._markers.tidy(marker, experiment, at_rest)

    def expire(self, expired: Expiry) -> None:
        """Delete the experiment, unless it has continued or is to be kept longer by now."""
        journal = self._journals.of(expired.namespace, expired.name)
        experiment = journal.peek()
        if experiment is not None and expiry.expiry(experiment) == expired:
            self._markers.set(expired.after())
            experiment = journal.commit(commands.Expire(expired.epoch), uid=expired.uid)
            self._loop.follow(experiment)
        if experiment is not None:
            expiry.note(self._store, experiment)
        if experiment is None or expiry.expiry(experiment) != expired:
            expiry.forget(self._store, expired)

    def _at_rest(self, marker: Marker, experiment: Experiment | None) -> bool:
        """Whether nothing of the marker's life runs, and a deleted life is purged."""
        namespace, name, uid = marker.namespace, marker.name, marker.uid
        if any(run.uid == uid for run in self._launcher.active(namespace, name)):
            return False
        if (
            experiment is not None
            and experiment.uid == uid
            and experiment.state is not ExperimentState.DELETED
        ):
            ended = experiment.ended_at
            watched = ended is None or self._journals.clock() < ended + WATCHED
            return not watched and self._outputs.complete(experiment)
        self._launcher.remove(namespace, name, uid)
        return self._journals.of(namespace, name).purge()
