"""Training that continues from the checkpoints of other trials, through the whole service."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# A line is fitted to points, which takes no library and so no time to begin; the examples' own
# training goes on from its checkpoint in test_examples.py.
TRAIN = """
import argparse, json, os
from pathlib import Path
from urllib.parse import urlsplit

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--epochs", type=int)
options = parser.parse_args()
folder = Path(urlsplit(os.environ["TUNELET_CHECKPOINT_URL"]).path)
file = folder / "model.json"
epochs, lineage, slope, offset = json.loads(file.read_text()) if file.exists() else (0, [], 0, 0)
points = [(n / 20, 2 * n / 20 + 1) for n in range(20)]
for epoch in range(epochs + 1, (options.epochs or epochs + 2) + 1):
    for x, y in points:
        error = slope * x + offset - y
        slope, offset = slope - options.rate * error * x, offset - options.rate * error
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "unfinished"
    unfinished.write_text(json.dumps([epoch, [*lineage, options.rate], slope, offset]))
    unfinished.replace(file)
    error = sum((slope * x + offset - y) ** 2 for x, y in points)
    values = f"objective={error:.12f} epochs={epoch} ancestors={len(lineage)}"
    print(f"step={epoch} {values}", flush=True)
"""


@pytest.fixture
def train(tmp_path: Path) -> str:
    """The command of the training: two more epochs, or up to `--epochs`."""
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    return f"{sys.executable} {script}"


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed -9"])
def test_a_population_is_trained_on_through_the_checkpoints(
    up: Callable[..., Any],
    train: str,
    wait: Callable[[Callable[[], object]], None],
    killed: bool,
) -> None:
    service = up("--alias", f"stretch={train}")
    service.client.submit(
        {
            "name": "population",
            "model_training_code": "stretch",
            "hyperparameters": {"rate": {"type": "float", "min": 1e-5, "max": 1.0, "log": True}},
            "hpo_algorithm": {"name": "pbt", "settings": {"population_size": 4}},
            "max_trials": 16,
            "parallel_trials": 2,
            "seed": 5,
        }
    )
    experiment = service.client.experiment("population")
    if killed:
        wait(lambda: sum(t["state"] == "COMPLETE" for t in experiment.trials) >= 6)
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait()
        service.start()
        experiment = service.client.experiment("population")
    experiment.wait(timeout=120)
    trials = {one["number"]: one for one in experiment.trials}
    assert [one["state"] for one in trials.values()] == ["COMPLETE"] * 16
    taken_over = 0
    for trial in trials.values():
        parent = trial.get("parent")
        before = 0 if parent is None else trials[parent]["values"]["epochs"]
        assert trial["values"]["epochs"] == before + 2
        assert trial["values"]["ancestors"] == before // 2
        if parent is not None:
            taken_over += trial["hyperparameters"] != trials[parent]["hyperparameters"]
    assert sum(one.get("parent") is None for one in trials.values()) == 4
    assert taken_over >= 2
    first = min(trials[n]["values"]["objective"] for n in range(4))
    assert experiment.best["values"]["objective"] < first


def test_epochs_are_spent_on_the_better_models(up: Callable[..., Any], train: str) -> None:
    """Each training continues with the epoch after its checkpoint's."""
    service = up("--alias", f"line={train}")
    service.client.submit(
        {
            "name": "asha",
            "model_training_code": "line",
            "hyperparameters": {
                "rate": {"type": "float", "min": 0.0001, "max": 0.5, "log": True},
                "epochs": {"type": "int", "min": 1, "max": 9},
            },
            "hpo_algorithm": {"name": "asha", "settings": {"resource": "epochs"}},
            "max_trials": 16,
            "parallel_trials": 2,
        }
    )
    experiment = service.client.experiment("asha")
    experiment.wait(timeout=120)
    trials = {one["number"]: one for one in experiment.trials}
    promoted = [one for one in trials.values() if one.get("parent") is not None]
    assert len(promoted) >= 3
    for trial in promoted:
        done = trials[trial["parent"]]["hyperparameters"]["epochs"]
        steps = [report["step"] for report in trial["reports"]]
        assert steps == list(range(done + 1, trial["hyperparameters"]["epochs"] + 1))
