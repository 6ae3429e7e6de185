"""Train a small network on scikit-learn's digits, as people do: some trials diverge, some are lost.

It needs numpy alone, so that hundreds of trials take minutes. One trial in nine gets SIGTERM in its
first attempt, as on a machine that is taken away.
"""

import argparse
import os
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

Array = Any
TRAINED = 900
"""Of the 1,797 digits; the others validate."""
CURVES = {
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(float)),
    "tanh": (np.tanh, lambda a: 1 - a * a),
    "logistic": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
}


def main() -> None:
    options = arguments()
    rng = np.random.default_rng(0)
    x, y = digits(rng)
    network = Network(options, rng)
    print(f"{TRAINED} digits to train, {len(x) - TRAINED} to validate, {network.size} weights")
    for epoch in range(1, options.epochs + 1):
        loss = network.trained(x[:TRAINED], y[:TRAINED], options.batch_size)
        if not loss < options.most_loss:
            sys.exit(f"the loss is {loss:.3g} after {epoch} epochs: it diverges")
        error = np.mean(network.guessed(x[TRAINED:]) != y[TRAINED:])
        print(f"step={epoch} error={error:.6f} loss={loss:.6f} weights={network.size}", flush=True)
        if epoch == 3 and lost():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)


class Network:
    """One hidden layer and a softmax, trained by gradients in batches."""

    def __init__(self, options: argparse.Namespace, rng: Array) -> None:
        self._rng, self._rate, self._adam = rng, options.learning_rate, options.optimizer == "adam"
        self._curve, self._slope = CURVES[options.activation]
        sizes = (64, options.units), (options.units, 10)
        self._weights = [
            rng.normal(0, 1 / np.sqrt(rows), (rows, columns)) for rows, columns in sizes
        ]
        self._means = [np.zeros_like(each) for each in self._weights]
        self._squares = [np.zeros_like(each) for each in self._weights]
        self._steps = 0
        self.size = sum(each.size for each in self._weights)

    def trained(self, x: Array, y: Array, batch: int) -> float:
        """Train one epoch; return its mean loss."""
        order = self._rng.permutation(len(x))
        losses = [
            self._step(x[rows], y[rows]) for rows in np.split(order, range(batch, len(x), batch))
        ]
        return float(np.mean(losses))

    def guessed(self, x: Array) -> Array:
        return (self._curve(x @ self._weights[0]) @ self._weights[1]).argmax(axis=1)

    def _step(self, x: Array, y: Array) -> float:
        hidden = self._curve(x @ self._weights[0])
        scores = hidden @ self._weights[1]
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        rows = np.arange(len(x))
        loss = -np.log(odds[rows, y] + 1e-12).mean()
        odds[rows, y] -= 1
        back = (odds / len(x)) @ self._weights[1].T * self._slope(hidden)
        self._move([x.T @ back, hidden.T @ (odds / len(x))])
        return float(loss)

    def _move(self, gradients: list[Array]) -> None:
        self._steps += 1
        for place, gradient in enumerate(gradients):
            mean, square = self._means[place], self._squares[place]
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient * gradient - square)
            change = gradient
            if self._adam:
                scale = np.sqrt(square / (1 - 0.999**self._steps)) + 1e-8
                change = mean / (1 - 0.9**self._steps) / scale
            self._weights[place] -= self._rate * change


def digits(rng: Array) -> tuple[Array, Array]:
    """The pixels, from 0 to 1, and the digits, in an order that is the same each time."""
    found = find_spec("sklearn")
    assert found is not None, "needs scikit-learn's digits"
    assert found.origin is not None
    file = Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
    table = rng.permutation(np.loadtxt(file, delimiter=","))
    return table[:, :64] / 16, table[:, 64].astype(int)


def lost() -> bool:
    """Whether the machine is taken away from this attempt."""
    number, attempt = (int(os.environ[f"TUNELET_{each}"]) for each in ("TRIAL", "ATTEMPT"))
    return number % 9 == 7 and attempt == 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning_rate", type=float, default=0.01)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--optimizer", default="adam")
    parser.add_argument("--activation", default="relu")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--most_loss", type=float, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    np.seterr(over="ignore", invalid="ignore")
    main()
