"""What Ray's searchers have in common here: each call shows the library all it may know.

The libraries are asked directly, with the arguments that Ray's classes take, for Ray's keep
their state in a process. Trials that failed, or whose result is infinite, are shown as bad as the
worst so far, and so are those that have not ended, which keeps new ones away. (Not as worse: one
huge value would bend a Gaussian process everywhere.) Until there is a result, the prior is drawn
from. Trials that were pruned or stopped are not shown. Randomness follows from the seed and the
trial's number.
"""

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from algorithms.lessons import Lesson, lesson
from algorithms.novelty import generator, new_ones
from algorithms.ranking import loss
from algorithms.ray.unit_cube import Cube, Point
from algorithms.seeding import seeded
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Trial
from tunelet.ports import Algorithm


class History(NamedTuple):
    """What a library is shown."""

    cube: Cube
    ended: list[tuple[Point, float]]
    """Points, and the losses to be minimized."""
    pending: list[Point]
    problem: Problem
    seed: int

    def with_lies(self) -> list[tuple[Point, float]]:
        """The points that have not ended, too, with the worst loss."""
        worst = max((loss for _, loss in self.ended), default=0.0)
        return [*self.ended, *((point, worst) for point in self.pending)]


class Searcher:
    """`module` is one of this package with a function `propose`, the rest are its arguments.

    The first `random_search_steps` trials are draws from the prior.
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
    """The losses of the trials that ended, of failures the worst; empty if there is no result."""
    taught = [(trial, lesson(trial, problem.objectives)) for trial in trials]
    losses = [
        (trial.hyperparameters, loss(trial, problem) if one is Lesson.RESULT else math.inf)
        for trial, one in taught
        if one in (Lesson.RESULT, Lesson.FAILURE)
    ]
    finite = [each for _, each in losses if math.isfinite(each)]
    if not finite:
        return []
    worst = max(finite)
    return [(cube.point(one), each if math.isfinite(each) else worst) for one, each in losses]


if TYPE_CHECKING:
    _: type[Algorithm] = Searcher
