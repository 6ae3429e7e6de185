"""Real searches on a real service, for pictures: of one objective, of two, and one that runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Up
from tests.guard import end_all

TRAIN = Path(__file__).resolve().parent / "train.py"
SPACE: dict[str, Any] = {
    "learning_rate": {"type": "float", "min": 1e-4, "max": 1, "log": True},
    "batch_size": {"type": "int", "min": 16, "max": 256, "log": True},
    "units": {"type": "int", "min": 4, "max": 128, "log": True},
    "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
    "activation": {"type": "categorical", "choices": ["relu", "tanh", "logistic"]},
}
ERROR = {"metric": "error", "direction": "minimize"}
WEIGHTS = {"metric": "weights", "direction": "minimize"}
COMPARED = ("digits", "digits-random", "digits-sobol")


@contextmanager
def searched(folder: Path, trials: int = 60) -> Iterator[Up]:
    """A service whose searches have ended, except for `digits-long`, which runs."""
    up = Up(folder / "data", "--alias", f"digits={sys.executable} {TRAIN}")
    try:
        submit_all(up, trials)
        yield up
    finally:
        up.close()
        end_all(folder)


def submit_all(up: Up, trials: int) -> None:
    for name, algorithm in zip(COMPARED, ("tpe", "random_search", "sobol"), strict=True):
        labels = {"team": "vision", "data": "digits"}
        rules = {"early_stopping": "median"} if name == "digits" else {}
        _search(up, name, trials, hpo_algorithm=algorithm, labels=labels, objective=ERROR, **rules)
    limit = {"metric": "loss", "max": 0.6}
    both = {"objectives": [ERROR, WEIGHTS], "constraints": [limit], "labels": {"data": "digits"}}
    _search(up, "digits-small", trials, hpo_algorithm="nsga2", **both)
    long = {"objective": ERROR, "labels": {"team": "vision"}, "wait": False}
    _search(up, "digits-long", 10_000, parallel_trials=1, hpo_algorithm="tpe", **long)


def _search(up: Up, name: str, trials: int, wait: bool = True, **fields: Any) -> None:
    request = {"name": name, "model_training_code": "digits", "hyperparameters": SPACE, "seed": 1}
    up.client.submit({**request, "max_trials": trials, "parallel_trials": 3, **fields})
    if wait:
        up.client.wait(name, timeout=900)
