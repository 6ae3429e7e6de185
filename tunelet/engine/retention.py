"""Remove the checkpoints of ended trials that a request does not ask to keep (`keep_checkpoints`).

    v1/{namespace}/{experiment}/trials/{uid}/checkpoints.json    `Decided`

`checkpoints.json` is written before the first object is removed, and names the trials that are
being removed, so that a pass that dies is completed by the next one. `Checkpoints` reads it after a
copy: what it has copied from a trial that is not kept may be incomplete and is thrown away.

An algorithm may let a new trial begin with the checkpoint of any ended one. Where it does, nothing
is removed before the experiment has ended.
"""

import logging
import math
from collections.abc import Collection, Iterable

import msgspec

from tunelet.core.experiment import Experiment
from tunelet.core.experiment_state import ExperimentState
from tunelet.core.pareto import feasible
from tunelet.core.run import Run
from tunelet.core.trial import Number, Trial, TrialState, number, plain
from tunelet.errors import Retry
from tunelet.log.journal_cache import Journals
from tunelet.log.keys import checkpoint_prefixes, decided_key
from tunelet.log.parallel import streamed
from tunelet.ports import Catalog, Launcher, Store

log = logging.getLogger("tunelet.engine.retention")

SETTLED = 120.0
"""Seconds after a trial's end for which its run may still save something."""


class Decided(msgspec.Struct, frozen=True, omit_defaults=True):
    """The trials below `next` of which the checkpoint is kept, not decided on, or being removed.

    The checkpoints of all others below `next` are gone.
    """

    format: int = 1
    next: int = 0
    kept: dict[int, Number | None] = {}
    """Their losses (smaller is better), by number; None: infinite, in an older object."""
    open: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()

    def has(self, number: int) -> bool:
        """Whether the trial's checkpoint is complete."""
        return number >= self.next or number in self.kept or number in self.open


def decided(store: Store, run: Run) -> tuple[Decided, str | None]:
    """Return what was decided for the run's experiment, and the version of the object."""
    stored = store.get(decided_key(run))
    if stored is None:
        return Decided(), None
    return msgspec.json.decode(stored.data, type=Decided), stored.version


class Retention:
    def __init__(
        self, store: Store, launcher: Launcher, journals: Journals, catalog: Catalog
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._journals = journals
        self._catalog = catalog

    def tidy(self, experiment: Experiment) -> None:
        """Remove what is not to be kept of the trials that have ended by now. Raises `Retry`."""
        most = experiment.typed_spec.kept_checkpoints
        if most is None or experiment.state is ExperimentState.DELETED:
            return
        if not experiment.over and self._catalog.inherits(experiment.typed_spec.algorithm.name):
            return
        run = Run(experiment.namespace, experiment.name, experiment.uid, 0, 0)
        before, version = decided(self._store, run)
        after = self._next(experiment, before, most)
        if after != before:
            version = self._written(run, after, version)
        if after.removing:
            self._remove(run, after.removing)
            self._written(run, msgspec.structs.replace(after, removing=()), version)

    def _next(self, experiment: Experiment, before: Decided, most: int) -> Decided:
        undecided = {*before.open, *range(before.next, experiment.next_number)}
        settled = list(self._settled(experiment, undecided)) if undecided else []
        numbers = {trial.number for trial in settled}
        kept = _best(experiment, before.kept, settled, most)
        return Decided(
            next=experiment.next_number,
            kept=kept,
            open=tuple(sorted(undecided - numbers)),
            removing=tuple(sorted({*before.removing, *numbers, *before.kept} - kept.keys())),
        )

    def _settled(self, experiment: Experiment, numbers: Collection[int]) -> Iterable[Trial]:
        """Yield those of the trials that ended long enough ago, and have no active run here."""
        active = self._launcher.active(experiment.namespace, experiment.name)
        busy = {run.number for run in active if run.uid == experiment.uid}
        until = self._journals.clock() - SETTLED
        for trial in self._journals.of_life(experiment, min(numbers) - 1):
            ended = trial.finished_at is not None and trial.finished_at <= until
            if trial.number in numbers and ended and trial.number not in busy:
                yield trial

    def _written(self, run: Run, after: Decided, version: str | None) -> str:
        """Write the object unless another process has; returns its version."""
        key, data = decided_key(run), msgspec.json.encode(after)
        if version is None:
            done = self._store.create(key, data)
        else:
            done = self._store.replace(key, data, version)
        stored = self._store.get(key)
        if stored is None or (not done and stored.data != data):
            raise Retry(f"another process removes checkpoints of {run.experiment}")
        return stored.version

    def _remove(self, run: Run, numbers: Iterable[int]) -> None:
        keys = (
            key
            for number in numbers
            for prefix in checkpoint_prefixes(run._replace(number=number))
            for key in self._store.list(prefix)
        )
        for _ in streamed(self._store.delete, keys):
            pass
        log.info("checkpoints of trials of %s are removed", run.experiment)


def _best(
    experiment: Experiment, kept: dict[int, Number | None], ended: Iterable[Trial], most: int
) -> dict[int, Number | None]:
    """Return the losses of the trials to keep; of several objectives, those of the front."""
    front = {trial.number for trial in experiment.best}
    counted = (trial for trial in ended if _counts(experiment, trial, front))
    known = {**kept, **{trial.number: _loss(experiment, trial) for trial in counted}}
    if len(experiment.terms.objectives) > 1:
        return {n: loss for n, loss in known.items() if most and n in front}
    order = sorted(known, key=lambda n: (_comparable(known[n]), n))
    return {n: known[n] for n in sorted(order[:most])}


def _comparable(loss: Number | None) -> float:
    return math.inf if loss is None else number(loss)


def _counts(experiment: Experiment, trial: Trial, front: Collection[int]) -> bool:
    complete = trial.state is TrialState.COMPLETE
    good = complete and feasible(experiment.terms.constraints, trial.values)
    return good or trial.number in front


def _loss(experiment: Experiment, trial: Trial) -> Number:
    return plain(experiment.terms.objectives[0].loss(trial.values))
