"""What a process keeps of experiments between suggestions is bounded, whatever their size."""

from collections.abc import Sequence

from algorithms.memo import MemoCache
from tests.contracts.algorithms import LOSS, trial
from tunelet.core.problem import Problem
from tunelet.core.trial import Trial
from tunelet.space import Space

SPACE = Space.of({"x": {"type": "float", "min": 0.0, "max": 1.0}})


class Follower:
    made = 0

    def __init__(self) -> None:
        Follower.made += 1

    def follow(self, problem: Problem, trials: Sequence[Trial]) -> None:
        """Nothing is made of them."""


def made(shelf: MemoCache[Follower], seeds: Sequence[int], trials: int) -> int:
    """How many followers these experiments, asked one after the other, make anew."""
    before = Follower.made
    past = [trial(number, {"x": 0.5}) for number in range(trials)]
    for seed in seeds:
        with shelf.of(Problem(SPACE, (LOSS,), seed, trials), past, Follower):
            pass
    return Follower.made - before


def test_experiments_without_trials_are_not_all_kept() -> None:
    shelf: MemoCache[Follower] = MemoCache(room=3)
    assert made(shelf, range(10), trials=0) == 10
    assert made(shelf, [9, 8, 7], trials=0) == 0
    assert made(shelf, [0], trials=0) == 1


def test_those_asked_last_stay_as_far_as_their_trials_have_room() -> None:
    shelf: MemoCache[Follower] = MemoCache(room=10)
    assert made(shelf, [1, 2, 3], trials=4) == 3
    assert made(shelf, [3, 2], trials=4) == 0
    assert made(shelf, [1], trials=4) == 1
    shelf.clear()
    assert made(shelf, [1, 2], trials=4) == 2
    assert made(shelf, [1, 2], trials=4) == 0
