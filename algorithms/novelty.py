"""Telling new assignments from those that were tried.

A space is used up when every assignment was tried, whatever came of it. Where a branch of
an infinite space is finite, such as a choice without hyperparameters of its own, its
assignments may come again once other draws are hard to find.
"""

from collections.abc import Callable, Sequence
from random import Random

from algorithms.enumeration import Enumeration
from algorithms.memo import Memo, MemoCache
from tunelet.core.problem import Problem, Suggestions
from tunelet.core.trial import Assignment, Scalar, Trial
from tunelet.space import Space

Key = frozenset[tuple[str, bool, Scalar]]

TRIES = 4
"""Times that a model is asked for something new before the prior is."""

_DRAWS = 100
"""Draws from the prior before the assignments are gone through by number."""


def key(assignment: Assignment) -> Key:
    """Equal for equal assignments; True and 1 differ, 1 and 1.0 do not (as in JSON)."""
    return frozenset((name, isinstance(value, bool), value) for name, value in assignment.items())


def generator(seed: int, number: int, purpose: str = "") -> Random:
    """A source of randomness for trial `number`, unlike that of any other trial."""
    return Random(f"{seed}/{number}/{purpose}")


def everything(space: Space) -> Enumeration | None:
    """All assignments; None if there are infinitely many."""
    values = {}
    for parameter in space:
        found = space.grid_values(parameter)
        if found is None:
            return None
        values[parameter.name] = found
    return Enumeration(space, values)


class Seen:
    """The keys of what was tried."""

    def __init__(self) -> None:
        self._made = Memo(lambda _place, trial: key(trial.hyperparameters))

    def follow(self, _problem: Problem, trials: Sequence[Trial]) -> None:
        self._made.follow(trials)

    def keys(self) -> set[Key]:
        return set(self._made.each)


_TAKEN: MemoCache[Seen] = MemoCache()


class Unseen:
    """A space without the assignments that trials had.

    `drawn` says that all come from the prior; a model may come back to where it was.
    """

    def __init__(self, problem: Problem, trials: Sequence[Trial], drawn: bool = True) -> None:
        self._space = problem.space
        self._all = everything(problem.space)
        self._taken: set[Key] = set()
        # Where each draw has a continuous value, none comes twice: no need to look at the past.
        if not (drawn and any(one.continuous and not one.when for one in problem.space)):
            with _TAKEN.of(problem, trials, Seen) as taken:
                self._taken = taken.keys()

    def __contains__(self, assignment: Assignment) -> bool:
        return key(assignment) not in self._taken

    def take(self, assignment: Assignment) -> None:
        self._taken.add(key(assignment))

    def draw(self, rng: Random) -> Assignment | None:
        """An assignment from the prior, given that it is new; None if the space is used up."""
        for _ in range(_DRAWS):
            drawn = self._space.sample(rng)
            if drawn in self:
                return drawn
        return drawn if self._all is None else self.one_of(self._all, rng)

    def one_of(self, all_: Enumeration, rng: Random) -> Assignment | None:
        """The first new one from a random place on: at most one look per assignment taken."""
        start = rng.randrange(all_.size)
        for offset in range(min(len(self._taken) + 1, all_.size)):
            found = all_.at((start + offset) % all_.size)
            if found in self:
                return found
        return None


def new_ones(
    problem: Problem,
    trials: Sequence[Trial],
    count: int,
    ask: Callable[[int, int], Assignment | None],
    take: Callable[[Assignment], None],
    drawn: bool = False,
) -> Suggestions:
    """Suggestions none of which was tried.

    `ask` is called with the trial's number and the attempt, from 0, until what it answers is
    new; after `TRIES` attempts or None the prior is drawn from. `take` is told what is suggested.
    """
    untried = Unseen(problem, trials, drawn)
    found: list[Assignment] = []
    for place in range(problem.first, problem.first + count):
        asked = (ask(place, attempt) for attempt in range(TRIES))
        known = (each for each in asked if each is None or each in untried)
        suggested = next(known, None)
        if suggested is None:
            suggested = untried.draw(generator(problem.seed, place))
        if suggested is None:
            return Suggestions(found, exhausted=True)
        untried.take(suggested)
        take(suggested)
        found.append(suggested)
    return Suggestions(found)
