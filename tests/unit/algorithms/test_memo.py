"""The cache of models between suggestions is bounded, however many trials experiments have."""

from collections.abc import Sequence

from algorithms.memo import MemoCache
from tests.contracts.algorithms import LOSS, trial
from tunelet.core.problem import Problem
from tunelet.core.trial import Trial
from tunelet.space import Space

SPACE = Space.of({"x": {"type": "float", "min": 0.0, "max": 1.0}})


class Counted:
    made = 0

    def __init__(self) -> None:
        Counted.made += 1

    def update(self, problem: Problem, trials: Sequence[Trial]) -> None:
        """Ignore the trials."""


def made(cache: MemoCache[Counted], seeds: Sequence[int], trials: int) -> int:
    """Ask for the models of experiments with these seeds; returns how many are made."""
    before = Counted.made
    past = [trial(number, {"x": 0.5}) for number in range(trials)]
    for seed in seeds:
        with cache.of(Problem(SPACE, (LOSS,), seed, trials), past, Counted):
            pass
    return Counted.made - before


def test_models_without_trials_are_bounded_in_number() -> None:
    cache: MemoCache[Counted] = MemoCache(room=3)
    assert made(cache, range(10), trials=0) == 10
    assert made(cache, [9, 8, 7], trials=0) == 0
    assert made(cache, [0], trials=0) == 1


def test_the_models_used_last_are_kept_up_to_the_bound_of_trials() -> None:
    cache: MemoCache[Counted] = MemoCache(room=10)
    assert made(cache, [1, 2, 3], trials=4) == 3
    assert made(cache, [3, 2], trials=4) == 0
    assert made(cache, [1], trials=4) == 1
    cache.clear()
    assert made(cache, [1, 2], trials=4) == 2
    assert made(cache, [1, 2], trials=4) == 0
