"""What training gains, by time and hyperparameters: the model of PB2.

A Gaussian process whose kernel forgets (Bogunovic, Scarlett and Cevher, AISTATS 2016), and an upper
confidence bound that knows what still runs (Desautels, Krause and Burdick, JMLR 15, 2014). The
first column of every input is the time.
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
"""At which the bound is looked at."""
_BOUNDS = np.log([(1e-3, 1e3), (1e-3, 1e3), (1e-5, 0.5), (1e-6, 1.0)])


class Kernel(NamedTuple):
    """`forgetting` is the share that is forgotten in two units of time."""

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
    """A Gaussian process with mean zero, given the values `y` at the rows of `x`."""

    def __init__(self, x: Array, y: Array, kernel: Kernel) -> None:
        self._x, self._kernel = x, kernel
        self._root = cholesky(kernel(x, x) + kernel.noise * np.eye(len(x)), lower=True)
        self._y = y
        self._weights = cho_solve((self._root, True), y)

    def likelihood(self) -> float:
        """The logarithm of the density of `y`, but for a constant."""
        return float(-self._y @ self._weights / 2 - np.log(np.diag(self._root)).sum())

    def mean(self, at: Array) -> Array:
        found: Array = self._kernel(at, self._x) @ self._weights
        return found

    def deviation(self, at: Array) -> Array:
        rest = solve_triangular(self._root, self._kernel(self._x, at), lower=True)
        found: Array = np.sqrt(np.maximum(self._kernel.variance - (rest**2).sum(axis=0), 0.0))
        return found


def fitted(x: Array, y: Array) -> Kernel:
    """The kernel under which `y` is likeliest."""

    def unlikelihood(theta: Array) -> float:
        return -Process(x, y, Kernel(*np.exp(theta))).likelihood()

    found = minimize(
        unlikelihood, np.log(Kernel()), method="L-BFGS-B", bounds=_BOUNDS, options={"maxiter": 30}
    )
    return Kernel(*(float(value) for value in np.exp(found.x)))


class Stretch(NamedTuple):
    """Training from one checkpoint to the next."""

    context: tuple[float, float]
    """The time, and the loss with which it began."""
    point: Sequence[float]
    """The hyperparameters, each from 0 to 1."""


def most_promising(
    ended: Sequence[Stretch],
    gains: Sequence[float],
    running: Sequence[Stretch],
    context: tuple[float, float],
    rng: Random,
) -> list[float]:
    """The point that may gain most in this context. Of what runs, no gain is known yet."""
    contexts = np.array([one.context for one in ended])
    low, wide = contexts.min(axis=0), np.ptp(contexts, axis=0) + 1e-8

    def rows(stretches: Sequence[Stretch]) -> Array:
        return np.array([[*(one.context - low) / wide, *one.point] for one in stretches])

    x, y = rows(ended), np.array(gains)
    y = np.clip((y - y.mean()) / (y.std() + 1e-8), -2, 2)
    kernel = fitted(x, y)
    model = Process(x, y, kernel)
    # A deviation does not depend on the values.
    every = rows([*ended, *running])
    known = Process(every, np.zeros(len(every)), kernel)
    boldness = math.sqrt(0.2 + max(0.0, math.log(0.4 * len(x))))
    ahead = (np.array(context) - low) / wide

    def bound(points: Array) -> Array:
        at = np.hstack([np.tile(ahead, (len(points), 1)), points])
        return model.mean(at) + boldness * known.deviation(at)

    return _highest(bound, len(ended[0].point), rng)


def _highest(bound: Callable[[Array], Array], size: int, rng: Random) -> list[float]:
    """Where `bound` is highest on [0, 1]^size, as far as climbing from the best of many tells."""
    points = np.array([[rng.random() for _ in range(size)] for _ in range(_POINTS)])
    found = minimize(
        lambda point: -bound(point[None, :])[0],
        points[np.argmax(bound(points))],
        method="L-BFGS-B",
        bounds=[(0.0, 1.0)] * size,
    )
    return [float(each) for each in np.clip(found.x, 0.0, 1.0)]
