"""The output of trials outlives their runs: in another service over the same store, too."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_cli import Shell

TRAIN = 'echo "training at $1"; seq 3; echo objective=0.5'


@pytest.fixture
def train(tmp_path: Path) -> Path:
    script = tmp_path / "train.sh"
    script.write_text(TRAIN)
    return script


def request(**fields: Any) -> dict[str, Any]:
    return {
        "name": "kept",
        "model_training_code": "train",
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "max_trials": 3,
        **fields,
    }


def said(x: float) -> str:
    return f"training at --x={x}\n1\n2\n3\nobjective=0.5\n"


def stored(store: Path) -> list[Path]:
    return sorted(store.glob("v1/*/kept/trials/*/*.output/*.gz"))


def test_logs_are_there_in_another_service_when_the_runs_are_gone(
    up: Callable[..., Any], train: Path, tmp_path: Path, wait: Callable[..., None]
) -> None:
    store = tmp_path / "store"
    first = up("--store", store.as_uri(), "--alias", f"train=sh {train}")
    first.client.submit(request())
    trials = first.client.experiment("kept").wait(timeout=60).trials
    wait(lambda: len(stored(store)) == 3)
    first.close()
    shutil.rmtree(first.data)
    tunelet = Shell(up("--store", store.as_uri()).url, tmp_path)
    for trial in trials:
        shown = tunelet("logs", "kept", str(trial["number"]), "--attempt", "1", "-n", "default")
        assert shown.out == said(trial["hyperparameters"]["x"])
    missing = tunelet("logs", "kept", "0", "--attempt", "2", "-n", "default")
    assert (missing.code, missing.out) == (3, "")


def test_output_is_stored_by_the_next_process_if_one_dies_before(
    up: Callable[..., Any], tmp_path: Path, wait: Callable[..., None]
) -> None:
    go, store = tmp_path / "go", tmp_path / "store"
    script = tmp_path / "train.sh"
    script.write_text(f"until [ -e {go} ]; do sleep 0.05; done; {TRAIN}")
    service = up("--store", store.as_uri(), "--alias", f"train=sh {script}")
    service.client.submit(request(max_trials=2, parallel_trials=2))
    wait(lambda: service.client.experiment("kept").json["counts"]["running"] == 2)
    os.kill(service.process.pid, signal.SIGSTOP)
    go.touch()
    wait(lambda: len(list(service.data.glob("runs/runs/*/*/*/*/*/exit.json"))) == 2)
    service.kill()
    assert stored(store) == []
    service.start()
    service.client.experiment("kept").wait(timeout=60)
    wait(lambda: len(stored(store)) == 2)


def test_a_service_stores_no_output_if_it_is_not_to(
    up: Callable[..., Any], train: Path, tmp_path: Path, wait: Callable[..., None]
) -> None:
    service = up("--output-bytes", "0", "--alias", f"train=sh {train}")
    service.client.submit(request())
    service.client.experiment("kept").wait(timeout=60)
    wait(lambda: not list(service.data.glob("runs/unsaved/default/kept/*")))
    assert stored(service.data / "store") == []
