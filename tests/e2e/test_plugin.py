"""The example of a plugin is installed from its own package and used as any other algorithm."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_a_package_of_ones_own_brings_an_algorithm(
    up: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--offline"]
    command += ["--python", sys.executable, "--target", site, EXAMPLES / "plugin"]
    subprocess.run(command, check=True)
    monkeypatch.setenv("PYTHONPATH", str(site))
    service = up("--alias", f"shell=sh {EXAMPLES / 'shell' / 'train.sh'}")
    (known,) = [one for one in service.client.algorithms() if one["name"] == "hill_climbing"]
    assert known["settings"][0]["name"] == "step"
    service.client.submit(
        {
            "name": "climb",
            "model_training_code": "shell",
            "hyperparameters": {
                "rate": {"type": "float", "min": 0.01, "max": 1.0, "log": True},
                "optimizer": {"type": "categorical", "choices": ["plain"]},
            },
            "hpo_algorithm": {"name": "hill_climbing", "settings": {"step": 0.05}},
            "max_trials": 6,
            "parallel_trials": 2,
        }
    )
    ended = service.client.experiment("climb").wait(timeout=60)
    assert ended.state == "COMPLETE", str(ended.json["reason"])
    assert [one["state"] for one in ended.trials] == ["COMPLETE"] * 6
