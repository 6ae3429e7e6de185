"""Random search (Bergstra and Bengio, JMLR 13, 2012): independent draws from the prior.

Draws are without replacement: a finite space is exhausted once each assignment was tried. The
random generator of a trial depends only on the seed and the trial's number, so parallel and
repeated calls agree.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from algorithms.novelty import Unseen, generator
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Trial
from tunelet.ports import Algorithm


class RandomSearch:
    def suggest(self, problem: Problem, trials: Sequence[Trial], count: int) -> Suggestions:
        untried = Unseen(problem, trials)
        found: list[Assignment] = []
        for number in range(problem.first, problem.first + count):
            drawn = untried.draw(generator(problem.seed, number))
            if drawn is None:
                return Suggestions(found, exhausted=True)
            untried.take(drawn)
            found.append(drawn)
        return Suggestions(found)


if TYPE_CHECKING:
    _: type[Algorithm] = RandomSearch
