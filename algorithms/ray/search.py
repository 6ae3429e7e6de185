"""What Ray's searchers have in common here: each call shows the library all it may know.

The libraries are asked directly, with the arguments that Ray's classes take, for Ray's keep
their state in a process. Trials that have not ended are shown as bad as the worst so far, which
keeps new ones away; trials that failed, or have no finite result, are not shown. Randomness
follows from the seed and the trial's number.
"""

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from algorithms.own.fresh import generator, new_ones
from algorithms.own.ranking import loss
from algorithms.ray.cube import Cube, Point
from algorithms.seeding import seeded
from tunelet.ports import Algorithm, Problem, Suggestions
from tunelet.trial import Assignment, Trial


class Known(NamedTuple):
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
        ended = [(cube.point(one.hyperparameters), loss(one, problem)) for one in past]
        ended = [(point, value) for point, value in ended if math.isfinite(value)]
        pending = [cube.point(t.hyperparameters) for t in past if not t.state.finished]

        def ask(place: int, attempt: int) -> Assignment | None:
            if len(ended) < self._startup:
                return None
            seed = generator(problem.seed, place, f"ray {attempt}").getrandbits(31)
            known = Known(cube, ended, pending, problem, seed)
            with seeded(seed):  # most of the libraries draw from the process's generators
                point = propose(known, **self._settings)
            return None if point is None else cube.assignment(point)

        return new_ones(
            problem, trials, count, ask, lambda taken: pending.append(cube.point(taken))
        )


if TYPE_CHECKING:
    _: type[Algorithm] = Searcher
