"""An installation (all processes that share one launcher), and the slots it may take. Pure.

Several may work on one experiment. Each takes slots for itself, and the log records the
installation of each slot. No other installation starts, observes or stops that slot's run.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tunelet.core.experiment import Experiment
from tunelet.core.lease import lease_seconds
from tunelet.core.trial import Trial


def _any_code(code: Mapping[str, Any]) -> bool:
    return True


class Installation(NamedTuple):
    """Takes slots. With an empty `id` it manages every run, and every installation manages its."""

    id: str = ""
    places: int | None = None
    """How many runs it can have at a time; None: any number."""
    can_run: Callable[[Mapping[str, Any]], bool] = _any_code
    """Whether it can run this `model_training_code`."""
    joins: bool = False
    """Whether it works only on experiments that it has joined, with `places` slots of its own."""

    def owns(self, trial: Trial) -> bool:
        """Whether it manages the trial's run. Older logs do not record the installation."""
        if lease_seconds(trial.by) is not None:
            return False  # a worker's
        return not self.id or trial.by in ("", self.id)

    def takes(self, experiment: Experiment) -> bool:
        """Whether it works on the experiment.

        It takes every experiment that was submitted to it: one that it cannot run fails with the
        reason. It ignores experiments of other installations that it cannot run.
        """
        if self.joins:
            return self.id in experiment.shared
        own = experiment.by in ("", self.id)
        return not self.id or own or self.can_run(experiment.typed_spec.code)

    def slots(self, experiment: Experiment) -> int:
        """Return how many slots it may take now."""
        return min(experiment.terms.parallel_trials - experiment.active, self._left(experiment))

    def room(self, experiment: Experiment) -> int:
        """Return how many new trials it may add now."""
        return min(experiment.room, self._left(experiment))

    def of(self, experiment: Experiment) -> "Installation":
        """Return its abilities for this experiment as plain data, without a function."""
        return Installation(self.id, self.places if self.takes(experiment) else 0)

    def _left(self, experiment: Experiment) -> int:
        """Return how many slots it may take of its share, and has places for."""
        if experiment.for_workers or not self.takes(experiment):
            return 0
        left = experiment.left(self.id)
        if self.places is None:
            return left
        own = sum(trial.active and self.owns(trial) for trial in experiment.trials.values())
        return max(0, min(left, self.places - own))


ANY = Installation()
"""The installation of a service that is the only one at its store."""
