"""Ask an experiment's algorithm for trials."""

import logging
from collections.abc import Sequence
from typing import TypeVar

from tunelet.core import commands
from tunelet.core.commands import Command
from tunelet.core.experiment import Experiment
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Trial
from tunelet.errors import NotFound, Reject, Retry, TuneletError
from tunelet.log.entry import Damaged
from tunelet.log.journal_cache import Journals
from tunelet.ports import Catalog

log = logging.getLogger("tunelet.engine.suggest")

T = TypeVar("T")


class Suggesting:
    """Calls the algorithms of all experiments, with the trials in their logs."""

    def __init__(self, journals: Journals, catalog: Catalog) -> None:
        self._journals = journals
        self._catalog = catalog

    def light(self, experiment: Experiment) -> bool:
        """Whether the algorithm is quick enough to be called within another step."""
        spec = experiment.typed_spec
        return spec.define_by_run or self._catalog.light(spec.algorithm.name)

    def suggested(
        self, experiment: Experiment, count: int | None = None, ahead: bool = False
    ) -> Command:
        """Return a command with `count` trials, or `Abort` if the algorithm fails.

        Without `count`, with as many as this installation has room for. `AddTrials` explains
        `ahead`. Raises `Retry` if the store or the machine prevents the call.
        """
        spec = experiment.typed_spec
        count = self._journals.by.room(experiment) if count is None else count
        if spec.define_by_run:
            return self._unassigned(experiment, count, ahead)
        name = spec.algorithm.name
        prior = self._prior(experiment)
        try:
            suggestions = self._ask(experiment, prior, count)
        except (OSError, MemoryError) as fault:
            raise Retry(f"{name} could not be asked: {fault}") from fault
        except Exception as error:
            if isinstance(error, TuneletError) and not isinstance(error, Reject):
                raise  # the log could not be read; the algorithm did not fail
            log.exception("the algorithm failed", extra={"experiment": experiment.name})
            return commands.Abort(f"the algorithm {name} failed: {error}")
        return commands.AddTrials(
            first=experiment.next_number,
            assignments=tuple(suggestions.assignments),
            exhausted=suggestions.exhausted,
            memory=suggestions.memory,
            notes=_numbered(experiment.next_number, suggestions.notes),
            parents=_numbered(experiment.next_number, suggestions.parents),
            asked=experiment.spec["hpo_algorithm"],
            ahead=ahead,
        )

    def _unassigned(self, experiment: Experiment, count: int, ahead: bool) -> Command:
        """Return a command with trials that will choose their hyperparameters while they run."""
        return commands.AddTrials(
            first=experiment.next_number,
            assignments=({},) * count,
            asked=experiment.spec["hpo_algorithm"],
            ahead=ahead,
        )

    def _ask(self, experiment: Experiment, prior: Sequence[Trial], count: int) -> Suggestions:
        from tunelet.space import Space

        spec, algorithm = experiment.typed_spec, experiment.typed_spec.algorithm
        problem = Problem(
            space=Space.of(spec.hyperparameters),
            objectives=experiment.terms.objectives,
            seed=experiment.seed,
            first=experiment.next_number,
            memory=experiment.memory,
            constraints=experiment.terms.constraints,
            prior=prior,
            parallel=experiment.terms.parallel_trials,
            budget=experiment.terms.max_trials,
        )
        past = self._journals.past(experiment)
        asked = self._catalog.load(algorithm.name, algorithm.settings)
        return asked.suggest(problem, past, count)

    def _prior(self, experiment: Experiment) -> list[Trial]:
        """Read the ended trials of the experiments that `warm_start` names, in its order."""
        found: list[Trial] = []
        for source in experiment.typed_spec.warm_start:
            try:
                known = self._journals.read(experiment.namespace, source.name)
                past = self._journals.past(known) if known.uid == source.uid else ()
                found += [t for t in past if t.number < source.trials and t.state.finished]
            except NotFound:
                continue  # deleted since
            except Damaged as damage:
                # This experiment's own log is not damaged, and its runs continue.
                named = f"the experiment {source.name!r}, which warm_start names"
                raise Retry(f"{named}, cannot be read: {damage}") from damage
        return found


def _numbered(first: int, each: Sequence[T | None]) -> dict[int, T]:
    return {first + place: one for place, one in enumerate(each) if one is not None}
