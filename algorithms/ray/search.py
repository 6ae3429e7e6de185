"""The common part of Ray's searchers: each call gives the library all trials again.

The libraries are called directly, with the arguments of Ray's classes, because Ray's classes keep
state in a process. Failed trials and infinite results get the worst loss so far, and so do running
trials, which keeps new ones away from them. (Not a worse loss: one huge value would distort a
Gaussian process everywhere.) Until there is a result, assignments are drawn from the prior. Pruned
and stopped trials are left out. Randomness follows from the seed and the trial's number.
"""

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from algorithms.evidence import Evidence, evidence
from algorithms.novelty import generator, new_ones
from algorithms.ranking import loss
from algorithms.ray.unit_cube import Cube, Point
from algorithms.seeding import seeded
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Trial
from tunelet.ports import Algorithm


class History(NamedTuple):
    """The arguments of a library's `propose`."""

    cube: Cube
    ended: list[tuple[Point, float]]
    """Points with their losses (smaller is better)."""
    pending: list[Point]
    problem: Problem
    seed: int

    def with_lies(self) -> list[tuple[Point, float]]:
        """Return all points with losses; a pending one has the worst loss (a constant liar)."""
        worst = max((loss for _, loss in self.ended), default=0.0)
        return [*self.ended, *((point, worst) for point in self.pending)]


class Searcher:
    """A searcher: a `module` of this package with a function `propose`, and its arguments.

    Until `random_search_steps` trials have ended, assignments are draws from the prior.
    """

    def __init__(self, *, module: str, **settings: Any) -> None:
        self._module = module
        self._startup = int(settings.pop("random_search_steps", 1))
        self._settings = settings

    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        library = import_module(f"algorithms.ray.{self._module}")
        propose: Callable[..., Sequence[float] | None] = library.propose
        cube = Cube(problem.space, choices=library.CHOICES)
        past = [one for one in chain(problem.prior, trials) if cube.holds(one.hyperparameters)]
        ended = _ended(problem, cube, past)
        pending = [cube.point(t.hyperparameters) for t in past if not t.state.finished]

        def ask(place: int, attempt: int) -> Assignment | None:
            if len(ended) < self._startup:
                return None
            seed = generator(problem.seed, place, f"ray {attempt}").getrandbits(31)
            known = History(cube, ended, pending, problem, seed)
            with seeded(seed):  # most of the libraries draw from the process's generators
                point = propose(known, **self._settings)
            return None if point is None else cube.assignment(point)

        return new_ones(
            problem, trials, count, ask, lambda taken: pending.append(cube.point(taken))
        )


def _ended(problem: Problem, cube: Cube, trials: Sequence[Trial]) -> list[tuple[Point, float]]:
    """Points and losses of the ended trials; a failure has the worst. Empty without a result."""
    known = [(trial, evidence(trial, problem.objectives)) for trial in trials]
    losses = [
        (trial.hyperparameters, loss(trial, problem) if one is Evidence.RESULT else math.inf)
        for trial, one in known
        if one in (Evidence.RESULT, Evidence.FAILURE)
    ]
    finite = [each for _, each in losses if math.isfinite(each)]
    if not finite:
        return []
    worst = max(finite)
    return [(cube.point(one), each if math.isfinite(each) else worst) for one, each in losses]


if TYPE_CHECKING:
    _: type[Algorithm] = Searcher
