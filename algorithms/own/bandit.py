"""The model of PB2: predicts the gain of training from time and hyperparameters.

A Gaussian process with a time-varying kernel (Bogunovic, Scarlett and Cevher, AISTATS 2016), and an
upper confidence bound that takes running trials into account (Desautels, Krause and Burdick,
JMLR 15, 2014). The first column of every input is the time.
"""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

Array = NDArray[np.float64]

_POINTS = 500
"""How many random points are compared before the climb to the maximum."""
_BOUNDS = np.log([(1e-3, 1e3), (1e-3, 1e3), (1e-5, 0.5), (1e-6, 1.0)])


class Kernel(NamedTuple):
    """A squared exponential kernel whose correlation falls by the share `forgetting` in two units
    of time. Takes arrays of shapes (n, d) and (m, d), returns (n, m)."""

    variance: float = 1.0
    length: float = 1.0
    forgetting: float = 0.1
    noise: float = 1e-2

    def __call__(self, a: Array, b: Array) -> Array:
        apart = np.abs(a[:, None, 0] - b[None, :, 0])
        squares = ((a[:, None, 1:] - b[None, :, 1:]) ** 2).sum(axis=-1)
        found: Array = self.variance * np.exp(-squares / self.length)
        return found * (1 - self.forgetting) ** (apart / 2)


class Process:
    """A Gaussian process with mean zero, given values `y` of shape (n,) at `x` of shape (n, d)."""

    def __init__(self, x: Array, y: Array, kernel: Kernel) -> None:
        self._x, self._kernel = x, kernel
        self._root = cholesky(kernel(x, x) + kernel.noise * np.eye(len(x)), lower=True)
        self._y = y
        self._weights = cho_solve((self._root, True), y)

    def likelihood(self) -> float:
        """Return the log marginal likelihood of `y`, without its constant term."""
        return float(-self._y @ self._weights / 2 - np.log(np.diag(self._root)).sum())

    def mean(self, at: Array) -> Array:
        found: Array = self._kernel(at, self._x) @ self._weights
        return found

    def deviation(self, at: Array) -> Array:
        rest = solve_triangular(self._root, self._kernel(self._x, at), lower=True)
        found: Array = np.sqrt(np.maximum(self._kernel.variance - (rest**2).sum(axis=0), 0.0))
        return found


def fitted(x: Array, y: Array) -> Kernel:
    """Return the kernel with the maximum marginal likelihood of `y`."""

    def unlikelihood(theta: Array) -> float:
        return -Process(x, y, Kernel(*np.exp(theta))).likelihood()

    found = minimize(
        unlikelihood, np.log(Kernel()), method="L-BFGS-B", bounds=_BOUNDS, options={"maxiter": 30}
    )
    return Kernel(*(float(value) for value in np.exp(found.x)))


class Stretch(NamedTuple):
    """Training from one checkpoint to the next."""

    context: tuple[float, float]
    """The time, and the loss at which the stretch began."""
    point: Sequence[float]
    """The hyperparameters, each from 0 to 1."""


def most_promising(
    ended: Sequence[Stretch],
    gains: Sequence[float],
    running: Sequence[Stretch],
    context: tuple[float, float],
    rng: Random,
) -> list[float]:
    """Return the point, each coordinate from 0 to 1, with the highest upper confidence bound.

    `gains` has one value for each of `ended`; `running` stretches lower the uncertainty near them.
    """
    contexts = np.array([one.context for one in ended])
    low, wide = contexts.min(axis=0), np.ptp(contexts, axis=0) + 1e-8

    def rows(stretches: Sequence[Stretch]) -> Array:
        return np.array([[*(one.context - low) / wide, *one.point] for one in stretches])

    x, y = rows(ended), np.array(gains)
    y = np.clip((y - y.mean()) / (y.std() + 1e-8), -2, 2)
    kernel = fitted(x, y)
    model = Process(x, y, kernel)
    # The deviation depends on the points alone, so running ones, without values, count.
    every = rows([*ended, *running])
    known = Process(every, np.zeros(len(every)), kernel)
    boldness = math.sqrt(0.2 + max(0.0, math.log(0.4 * len(x))))
    ahead = (np.array(context) - low) / wide

    def bound(points: Array) -> Array:
        at = np.hstack([np.tile(ahead, (len(points), 1)), points])
        return model.mean(at) + boldness * known.deviation(at)

    return _highest(bound, len(ended[0].point), rng)


def _highest(bound: Callable[[Array], Array], size: int, rng: Random) -> list[float]:
    """The maximum of `bound` on [0, 1]^size: a local search from the best of many random points."""
    points = np.array([[rng.random() for _ in range(size)] for _ in range(_POINTS)])
    found = minimize(
        lambda point: -bound(point[None, :])[0],
        points[np.argmax(bound(points))],
        method="L-BFGS-B",
        bounds=[(0.0, 1.0)] * size,
    )
    return [float(each) for each in np.clip(found.x, 0.0, 1.0)]
