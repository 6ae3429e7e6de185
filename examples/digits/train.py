"""Train a small neural network on scikit-learn's digits and print its validation error.

Ordinary training code: it takes its hyperparameters as arguments, prints one line per epoch, and
needs no library of Tunelet. If it is interrupted and started again with the same checkpoint folder,
it continues with the epoch after the last complete one.
"""

import argparse
import os
import pickle
import warnings
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

# Read when numpy is imported: several trainings share this machine, and the network is small.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main() -> None:
    options = arguments()
    images, digits = load_digits(return_X_y=True)
    x, x_valid, y, y_valid = train_test_split(
        images / 16.0, digits, test_size=0.3, random_state=0, stratify=digits
    )
    checkpoint = checkpoint_file()
    done, network = load(checkpoint) or (0, new_network(options))
    for epoch in range(done + 1, options.epochs + 1):
        with warnings.catch_warnings():
            # A rate that is too high overflows; the printed error shows that.
            warnings.simplefilter("ignore", RuntimeWarning)
            network.partial_fit(x, y, classes=range(10))
            accuracy = network.score(x_valid, y_valid)
        save(checkpoint, epoch, network)
        print(f"step={epoch} objective={1 - accuracy:.6f} accuracy={accuracy:.6f}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning_rate", type=float, default=0.05)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=20)
    return parser.parse_args()


def new_network(options: argparse.Namespace) -> MLPClassifier:
    return MLPClassifier(
        hidden_layer_sizes=(32,),
        solver="sgd",
        learning_rate_init=options.learning_rate,
        batch_size=options.batch_size,
        random_state=0,
    )


def checkpoint_file() -> Path | None:
    """The file to keep the network in, for an interruption; None without a checkpoint folder."""
    url = urlsplit(os.environ.get("TUNELET_CHECKPOINT_URL", ""))
    if url.scheme != "file":
        return None
    return Path(url2pathname(url.path)) / "network.pickle"


def load(checkpoint: Path | None) -> tuple[int, MLPClassifier] | None:
    """Return the number and the network of the last complete epoch."""
    if checkpoint is None or not checkpoint.exists():
        return None
    epoch, network = pickle.loads(checkpoint.read_bytes())
    return epoch, network


def save(checkpoint: Path | None, epoch: int, network: MLPClassifier) -> None:
    """Replace the checkpoint in one step, so that an interruption leaves the old or the new one."""
    if checkpoint is None:
        return
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    unfinished = checkpoint.with_suffix(".unfinished")
    unfinished.write_bytes(pickle.dumps((epoch, network)))
    unfinished.replace(checkpoint)


if __name__ == "__main__":
    main()
