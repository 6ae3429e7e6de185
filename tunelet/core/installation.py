"""An installation, which is all processes that launch runs in one place, and what it may take.

Several may work on one experiment. Each takes slots for itself, and the log says which slot is
whose. What an installation has taken, no other starts, watches or ends. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tunelet.core.experiment import Experiment
from tunelet.core.trial import Trial


def _any_code(code: Mapping[str, Any]) -> bool:
    return True


class Installation(NamedTuple):
    """Who takes slots. Without an `id` it looks after every run, and its runs are everybody's."""

    id: str = ""
    places: int | None = None
    """How many runs it can have at a time; None: any number."""
    can_run: Callable[[Mapping[str, Any]], bool] = _any_code
    """Whether it can run such a `model_training_code`."""

    def owns(self, trial: Trial) -> bool:
        """Whether the trial's run is its to look after. An older log does not say whose it is."""
        return not self.id or trial.by in ("", self.id)

    def takes(self, experiment: Experiment) -> bool:
        """Whether it works on the experiment at all.

        What was submitted to it fails with the reason if it cannot run here. Of others' experiments
        it leaves those alone that it cannot run.
        """
        own = experiment.by in ("", self.id)
        return not self.id or own or self.can_run(experiment.spec["model_training_code"])

    def slots(self, experiment: Experiment) -> int:
        """How many slots it may take now."""
        return min(experiment.terms.parallel_trials - experiment.active, self._left(experiment))

    def room(self, experiment: Experiment) -> int:
        """How many new trials it may add now."""
        return min(experiment.room, self._left(experiment))

    def of(self, experiment: Experiment) -> "Installation":
        """The same as plain data, as far as this experiment is concerned."""
        return Installation(self.id, self.places if self.takes(experiment) else 0)

    def _left(self, experiment: Experiment) -> int:
        if not self.takes(experiment):
            return 0
        if self.places is None:
            return experiment.terms.parallel_trials
        own = sum(trial.active and self.owns(trial) for trial in experiment.trials.values())
        return max(0, self.places - own)


ANY = Installation()
"""Of a service that shares its store with no other."""
