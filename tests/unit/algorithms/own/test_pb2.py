"""Population based bandits: a model of the gain of training chooses the hyperparameters."""

import math
from random import Random
from typing import Any

import numpy as np
import pytest

from algorithms import load_catalog
from algorithms.own.bandit import Kernel, Process, Stretch, most_promising
from tests.contracts.algorithms import LOSS
from tunelet.core.problem import Problem
from tunelet.core.trial import Trial, TrialState
from tunelet.space import Space

SPACE = Space.of(
    {
        "rate": {"type": "float", "min": 1e-4, "max": 1.0, "scale": "log"},
        "kind": {"type": "categorical", "choices": ["a", "b"]},
    }
)
BEST = 1e-3


def train(loss: float, rate: float) -> float:
    """A stretch lowers the loss the more, the nearer the rate is to the best one."""
    return loss - math.exp(-(math.log10(rate / BEST) ** 2))


def population(name: str, generations: int, seed: int) -> list[Trial]:
    """Four members, one of them at a time."""
    problem = Problem(SPACE, (LOSS,), seed, 0, parallel=4)
    trials: list[Trial] = []
    while len(trials) < 4 * generations:
        asked = problem._replace(first=len(trials))
        answer = load_catalog().load(name, {}).suggest(asked, trials, 1)
        (found,), (note,), (parent,) = answer.assignments, answer.notes, answer.parents
        before = 0.0 if parent is None else float(trials[parent].values["objective"])
        values: Any = {"objective": train(before, float(str(found["rate"])))}
        number, done = len(trials), TrialState.COMPLETE
        trials.append(Trial(number, found, 0.0, done, values=values, note=note, parent=parent))
    return trials


def explored(trials: list[Trial]) -> list[float]:
    """How many powers of ten the rates of those that took over from others are off."""
    return [
        abs(math.log10(float(str(one.hyperparameters["rate"])) / BEST))
        for one in trials[12:]
        if one.parent is not None and one.note["member"] != trials[one.parent].note["member"]
    ]


def test_a_member_that_continues_from_the_best_gets_the_most_promising_values() -> None:
    off = {
        name: [each for seed in range(4) for each in explored(population(name, 10, seed))]
        for name in ("pb2", "pbt")
    }
    assert np.mean(off["pb2"]) < 0.7 * np.mean(off["pbt"])


def test_choices_are_those_of_the_trial_taken_over_from() -> None:
    trials = population("pb2", 5, 1)
    following = [one for one in trials[12:] if one.parent is not None]
    assert following
    for one in following:
        assert one.hyperparameters["kind"] == trials[one.parent or 0].hyperparameters["kind"]


def test_new_trials_keep_away_from_running_ones() -> None:
    """Of two peaks of the same height, the other one."""
    ended = [Stretch((0.0, 0.0), [point]) for point in (0.25, 0.5, 0.75)]
    gains = [1.0, 0.0, 1.0]
    for seed in range(5):
        first = most_promising(ended, gains, [], (0.0, 0.0), Random(seed))
        running = [Stretch((0.0, 0.0), first)] * 2
        second = most_promising(ended, gains, running, (0.0, 0.0), Random(seed))
        assert abs(first[0] - second[0]) > 0.4


@pytest.mark.libraries
def test_the_model_is_rays() -> None:
    """Ray's kernel in the Gaussian process of scikit-learn."""
    from ray.tune.schedulers.pb2_utils import TV_SquaredExp
    from sklearn.gaussian_process import GaussianProcessRegressor

    rng = np.random.default_rng(1)
    x, y, at = rng.random((20, 4)), rng.normal(size=20), rng.random((5, 4))
    kernel = Kernel(variance=1.7, length=0.6, forgetting=0.2, noise=1e-3)
    ours = Process(x, y, kernel)
    theirs = GaussianProcessRegressor(TV_SquaredExp(1.7, 0.6, 0.2), optimizer=None, alpha=1e-3)
    mean, deviation = theirs.fit(x, y).predict(at, return_std=True)
    assert np.allclose(ours.mean(at), mean)
    assert np.allclose(ours.deviation(at), deviation)
    density = theirs.log_marginal_likelihood_value_ + len(x) / 2 * math.log(2 * math.pi)
    assert ours.likelihood() == pytest.approx(density)
