"""Tells whether any process works on an experiment, from what a folder shows without a service."""

from pathlib import Path

from adapters.launchers.installation import kept
from adapters.launchers.process_lock import dead_in
from functions.hosting.data_folder import in_use
from tunelet.core.experiment import Experiment

RUN, TUNE, UP = "tunelet run", "tune", "tunelet up"


class Attendance:
    """What is known of the processes at a store. `runs` is the launcher's folder beside it."""

    def __init__(self, store_url: str, runs: Path | None) -> None:
        self._data = None if runs is None else runs.parent
        self._own = None if runs is None else kept(runs)
        self._dead = dead_in(store_url)

    def needs(self, experiment: Experiment) -> str | None:
        """Return what has to be started again, if certainly no process works on the experiment.

        None if one does, if the experiment needs none, or if it is not known.
        """
        if experiment.over or experiment.study or experiment.for_workers:
            return None
        members = tuple(experiment.shared.slots)
        at_work = members or ((experiment.by,) if experiment.by else ())
        if not at_work or not all(map(self._gone, at_work)):
            return None
        if not members:
            return UP
        return RUN if experiment.typed_spec.code.get("command") else TUNE

    def _gone(self, installation: str) -> bool:
        if installation == self._own and self._data is not None:
            return in_use(self._data) is False
        return self._dead(installation)
