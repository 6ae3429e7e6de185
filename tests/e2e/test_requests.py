"""Requests through `tunelet up` and `tunelet submit`: they run, or are refused in a line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.test_cli import Shell
from tunelet.client import Client

TRAIN = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--amp", action="store_true")
known = parser.parse_args()
print(f"objective={known.epochs + known.amp}")
"""
EPOCHS = {"epochs": {"type": "quantized", "min": 10, "max": 100, "step": 1}}
AMP = {"type": "categorical", "choices": [True, False], "flag": True}
EITHER = {"type": "categorical", "choices": ["--amp", ""]}
PLACED = {"image": "t", "args": ["--epochs=5", "${hyperparameters.amp}"]}


def test_whole_numbers_and_flags_reach_argparse_and_slips_are_refused_in_a_line(
    up: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    service = up("--alias", f"t={sys.executable} {tmp_path / 'train.py'}")
    run = Shell(service.url, tmp_path)
    client = Client(service.url, namespace=run.namespace)
    grid = {"hpo_algorithm": "grid_search", "max_trials": 2}
    requests: dict[str, dict[str, Any]] = {
        "whole": {"hyperparameters": EPOCHS, "hpo_algorithm": "random_search", "max_trials": 2},
        "flag": {"hyperparameters": {"amp": AMP, **EPOCHS}, "max_trials": 2},
        "placed": {"model_training_code": PLACED, "hyperparameters": {"amp": AMP}, **grid},
        "either": {"model_training_code": PLACED, "hyperparameters": {"amp": EITHER}, **grid},
    }
    for name, request in requests.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps({"name": name, "model_training_code": "t", **request}))
        assert run("submit", str(file)).code == 0
    for name in requests:
        client.experiment(name).wait(timeout=120)
        assert {trial["state"] for trial in client.trials(name)} == {"COMPLETE"}, name
    for trial in client.trials("whole"):
        assert trial["values"]["objective"] == trial["hyperparameters"]["epochs"]
        assert isinstance(trial["hyperparameters"]["epochs"], float)
    for name in ("placed", "either"):
        assert {trial["values"]["objective"] for trial in client.trials(name)} == {5, 6}

    slips = {
        '{"image": "t", "args": ["--lr=${trialParameters.lr}"]}': (
            EPOCHS,
            'args[0] = "${trialParameters.lr}": means nothing',
            "did you mean ${hyperparameters.epochs}?",
        ),
        '"t"': (
            {"size": {"type": "categorical", "choices": [[32, 128]]}},
            'choices[0] = "a list of 2 items": must be text, a number, true, false or null',
            'write the list as text: "[32, 128]"',
        ),
    }
    for code, (space, message, remedy) in slips.items():
        request = {"model_training_code": json.loads(code), "hyperparameters": space}
        refused = run("submit", "-", stdin=json.dumps(request))
        assert refused.code == 2
        line, advice = refused.err.strip().splitlines()
        assert message in line
        assert remedy in advice
