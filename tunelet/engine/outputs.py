"""The output of attempts in the store, for the time when their runs are gone.

The output is written after the end is in the log, so no fault here can lose an end. If the process
dies between the two, the sweep finds the run among its launcher's `unsaved` runs, as long as the
run's output exists. The first write of an attempt's output counts.
"""

import logging
from collections.abc import Iterable, Iterator

from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.run import Run
from tunelet.errors import NotFound, TuneletError
from tunelet.log.keys import output_key
from tunelet.log.parallel import at_once
from tunelet.ports import Launcher, Store
from tunelet.text.limits import OUTPUT_BYTES
from tunelet.text.packed import packed, unpacked

log = logging.getLogger("tunelet.engine.outputs")


class Outputs:
    """Writes at most `most` compressed bytes of each attempt's output; 0: writes none."""

    def __init__(self, store: Store, launcher: Launcher, most: int = OUTPUT_BYTES) -> None:
        self._store = store
        self._launcher = launcher
        self._most = most

    def save(self, experiment: Experiment, runs: list[Run]) -> None:
        """Write the output of these ended runs, unless the experiment is not to keep it.

        A run that cannot be read or written now is left to the sweep.
        """
        if not self._wants(experiment):
            for run in runs:
                self._launcher.saved(run)
            return
        # Opened in turn: most launchers say at once that there is none, and threads cost more.
        opened = [(run, self._opened(run)) for run in runs]
        at_once(self._saved, [each for each in opened if each[1] is not None])

    def save_rest(self, experiment: Experiment) -> bool:
        """Write the output of all ended runs of this life that is not in the store.

        Returns whether there was any: a write may have failed, and then the next look repeats it.
        """
        unsaved = self._unsaved(experiment)
        self.save(experiment, unsaved)
        return bool(unsaved)

    def complete(self, experiment: Experiment) -> bool:
        """Whether no output of an ended run is missing."""
        return not self._unsaved(experiment)

    def before_stop(self, experiment: Experiment, runs: list[Run]) -> None:
        """Write the output so far of runs that take it with them when they are stopped."""
        if self._launcher.stop_removes_output:
            self.save(experiment, [run for run in runs if run.uid == experiment.uid])

    def keep(self, experiment: Experiment, run: Run, output: bytes) -> None:
        """Write the output that a worker has sent, unless the experiment is not to keep it."""
        if self._wants(experiment):
            self._store_packed(run, [output])

    def read(self, run: Run) -> Iterator[bytes] | None:
        """Return the stored output in pieces; None if there is none."""
        found = self._store.get(output_key(run))
        return None if found is None else unpacked(found.data)

    def _unsaved(self, experiment: Experiment) -> list[Run]:
        runs = self._launcher.unsaved(experiment.namespace, experiment.name)
        return [run for run in runs if run.uid == experiment.uid]

    def _opened(self, run: Run) -> Iterator[bytes] | None:
        """Return the run's output; None if there is none, or if it cannot be opened now."""
        try:
            return self._launcher.logs(run)
        except NotFound as missing:
            log.debug("nothing is stored: %s", missing)
            self._launcher.saved(run)
        except (TuneletError, OSError) as fault:
            log.warning("the output of %s is stored later: %s", run.name, fault)
        return None

    def _saved(self, opened: tuple[Run, Iterator[bytes] | None]) -> None:
        run, output = opened
        try:
            self._store_packed(run, output or ())
            self._launcher.saved(run)
        except NotFound as missing:
            log.debug("nothing is stored: %s", missing)
            self._launcher.saved(run)
        except (TuneletError, OSError) as fault:
            log.warning("the output of %s is stored later: %s", run.name, fault)

    def _store_packed(self, run: Run, output: Iterable[bytes]) -> None:
        data = packed(iter(output), self._most)
        if data:
            self._store.create(output_key(run), data)

    def _wants(self, experiment: Experiment) -> bool:
        deleted = experiment.state is ExperimentState.DELETED
        return self._most > 0 and not deleted and experiment.typed_spec.keeps_output
