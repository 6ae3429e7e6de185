"""Real training that goes on from the checkpoints of other trials, through the whole service."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TRAIN = Path(__file__).resolve().parents[2] / "examples" / "digits" / "train.py"
# One stretch of training of one member: two more epochs with these hyperparameters.
STRETCH = """
import argparse, os, pickle
from pathlib import Path
from urllib.parse import urlsplit

import warnings; warnings.simplefilter("ignore")
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
rate = parser.parse_args().rate
folder = Path(urlsplit(os.environ["TUNELET_CHECKPOINT_URL"]).path)
file = folder / "model.pickle"
epochs, lineage, model = pickle.loads(file.read_bytes()) if file.exists() else (
    0, [], SGDClassifier(learning_rate="constant", eta0=rate, random_state=0)
)
model.set_params(eta0=rate)
x, y = load_digits(return_X_y=True)
for _ in range(2):
    model.partial_fit(x[:1200] / 16, y[:1200], classes=range(10))
folder.mkdir(parents=True, exist_ok=True)
unfinished = folder / "unfinished"
unfinished.write_bytes(pickle.dumps((epochs + 2, [*lineage, rate], model)))
unfinished.replace(file)
error = 1 - model.score(x[1200:] / 16, y[1200:])
print(f"objective={error:.6f} epochs={epochs + 2} ancestors={len(lineage)}", flush=True)
"""


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed -9"])
def test_a_population_is_trained_on_through_the_checkpoints(
    up: Callable[..., Any],
    tmp_path: Path,
    wait: Callable[[Callable[[], object]], None],
    killed: bool,
) -> None:
    script = tmp_path / "stretch.py"
    script.write_text(STRETCH)
    service = up("--alias", f"stretch={sys.executable} {script}")
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


def test_epochs_are_spent_on_the_better_networks(up: Callable[..., Any]) -> None:
    """The example's own training code: it goes on with the epoch after its checkpoint's."""
    service = up("--alias", f"digits={sys.executable} {TRAIN}")
    service.client.submit(
        {
            "name": "asha",
            "model_training_code": "digits",
            "hyperparameters": {
                "learning_rate": {"type": "float", "min": 0.001, "max": 0.5, "log": True},
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
