"""Distinguishes new assignments from those that were tried.

A space is exhausted when every assignment was tried, with any result. If a branch of an infinite
space is finite, such as a choice without hyperparameters of its own, its assignments may repeat
once new ones are hard to draw.
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
"""How often a model is asked for a new assignment before one is drawn from the prior."""

_DRAWS = 100
"""Draws from the prior before the assignments are enumerated."""


def key(assignment: Assignment) -> Key:
    """Return a key that equal assignments share. True and 1 differ, 1 and 1.0 do not (as JSON)."""
    return frozenset((name, isinstance(value, bool), value) for name, value in assignment.items())


def generator(seed: int, number: int, purpose: str = "") -> Random:
    """Return a random generator for trial `number`; each seed, number and purpose has its own."""
    return Random(f"{seed}/{number}/{purpose}")


def everything(space: Space) -> Enumeration | None:
    """Return all assignments; None if there are infinitely many."""
    values = {}
    for parameter in space:
        found = space.grid_values(parameter)
        if found is None:
            return None
        values[parameter.name] = found
    return Enumeration(space, values)


class Seen:
    """The keys of the assignments that were tried."""

    def __init__(self) -> None:
        self._made = Memo(lambda _place, trial: key(trial.hyperparameters))

    def update(self, _problem: Problem, trials: Sequence[Trial]) -> None:
        self._made.update(trials)

    def keys(self) -> set[Key]:
        return set(self._made.each)


_TAKEN: MemoCache[Seen] = MemoCache()


class Unseen:
    """A space without the assignments of trials.

    `drawn`: all assignments come from the prior. A model, by contrast, may repeat a value.
    """

    def __init__(self, problem: Problem, trials: Sequence[Trial], drawn: bool = True) -> None:
        self._space = problem.space
        self._all = everything(problem.space)
        self._taken: set[Key] = set()
        # If every draw has a continuous value, none comes twice: the past need not be read.
        if not (drawn and any(one.continuous and not one.when for one in problem.space)):
            with _TAKEN.of(problem, trials, Seen) as taken:
                self._taken = taken.keys()

    def __contains__(self, assignment: Assignment) -> bool:
        return key(assignment) not in self._taken

    def take(self, assignment: Assignment) -> None:
        self._taken.add(key(assignment))

    def draw(self, rng: Random) -> Assignment | None:
        """Return a new assignment from the prior; None if the space is exhausted."""
        for _ in range(_DRAWS):
            drawn = self._space.sample(rng)
            if drawn in self:
                return drawn
        return drawn if self._all is None else self.one_of(self._all, rng)

    def one_of(self, all_: Enumeration, rng: Random) -> Assignment | None:
        """Return the first new one from a random place on; None if all were tried."""
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
    """Suggest `count` assignments that were not tried.

    Calls `ask` with the trial's number and the attempt, from 0, until its answer is new. After
    `TRIES` attempts or an answer of None it draws from the prior. Calls `take` with each
    assignment that it suggests.
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
