"""The examples match their READMEs, and their training code needs nothing of Tunelet."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.process import free_port

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TRAIN = EXAMPLES / "digits" / "train.py"
COMMANDS = {
    "digits": f"{sys.executable} {TRAIN}",
    "shell": f"sh {EXAMPLES / 'shell' / 'train.sh'}",
    "pipeline": f"{sys.executable} {EXAMPLES / 'pipeline' / 'pipeline.py'}",
}


def request(example: str, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / example / "request.json").read_text())
    return found | changes


def searched(up: Callable[..., Any], example: str, **changes: Any) -> Any:
    service = up("--alias", f"{example}={COMMANDS[example]}")
    service.client.submit(request(example, **changes))
    return service.client.experiment(example).wait(timeout=90)


def test_the_shell_script_is_tuned_with_a_condition(up: Callable[..., Any]) -> None:
    ended = searched(up, "shell")
    assert ended.state == "COMPLETE"
    trials = list(ended.trials)
    assert [trial["state"] for trial in trials] == ["COMPLETE"] * 12
    for trial in trials:
        momentum = trial["hyperparameters"]["optimizer"] == "momentum"
        assert ("momentum" in trial["hyperparameters"]) == momentum
        assert [report["step"] for report in trial["reports"]] == list(range(1, 21))
    assert ended.best["values"]["objective"] == min(t["values"]["objective"] for t in trials)


def test_the_pipeline_is_heard_through_its_events_only(up: Callable[..., Any]) -> None:
    ended = searched(up, "pipeline")
    assert ended.state == "COMPLETE"
    assert next(iter(ended.trials))["state"] == "FAIL"
    for trial in ended.trials:
        depth, shrinkage = trial["hyperparameters"]["depth"], trial["hyperparameters"]["shrinkage"]
        if depth * shrinkage > 6:
            assert trial["state"] == "FAIL"
            assert trial["reason"].startswith("diverged")
        else:
            assert trial["state"] == "COMPLETE"
            assert [report["step"] for report in trial["reports"]] == [1, 2, 3, 4, 5]
            assert trial["values"]["objective"] == trial["reports"][-1]["values"]["objective"]


def test_the_digits_are_learned_and_the_best_network_found(up: Callable[..., Any]) -> None:
    changes = {"max_trials": 3, "model_training_code": {"image": "digits", "args": ["--epochs=6"]}}
    ended = searched(up, "digits", **changes)
    assert [len(trial["reports"]) for trial in ended.trials] == [6, 6, 6]
    assert ended.best["values"]["objective"] < 0.5
    assert set(ended.best["values"]) >= {"objective", "accuracy"}


def trained(*arguments: str, checkpoint: Path | None = None) -> list[str]:
    url = {} if checkpoint is None else {"TUNELET_CHECKPOINT_URL": checkpoint.as_uri()}
    finished = subprocess.run(
        [sys.executable, str(TRAIN), *arguments],
        env=os.environ | url,
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.splitlines()


def test_the_digits_go_on_from_the_checkpoint_as_if_never_interrupted(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    whole = trained("--epochs=4", "--batch_size=100")
    first = trained("--epochs=2", "--batch_size=100", checkpoint=folder)
    rest = trained("--epochs=4", "--batch_size=100", checkpoint=folder)
    assert first + rest == whole


TRAINING = [*EXAMPLES.glob("*/*.py"), *EXAMPLES.glob("*/*.sh")]
PLUGINS = EXAMPLES / "plugin"


@pytest.mark.parametrize("code", sorted(path for path in TRAINING if path.parent != PLUGINS))
def test_training_code_needs_no_library_of_ours(code: Path) -> None:
    assert not re.search(r"^\s*(import|from) (tunelet|adapters|functions)", code.read_text(), re.M)


class TestDistributed:
    SCRIPT = EXAMPLES / "distributed" / "train.py"

    def begin(
        self, size: int, port: int, epochs: int = 3, **env: str
    ) -> list[subprocess.Popen[str]]:
        ranks = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        # The last comes first: they wait for one another.
        return [
            subprocess.Popen(
                [sys.executable, str(self.SCRIPT), f"--epochs={epochs}"],
                env=os.environ | ranks | {"RANK": str(rank)} | env,
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in reversed(range(size))
        ]

    def test_several_processes_compute_the_same_as_one(self) -> None:
        (alone,) = self.begin(1, free_port())
        expected = alone.communicate(timeout=60)[0]
        assert re.findall(r"step=(\d) objective=0\.\d+", expected) == ["1", "2", "3"]
        for size in (2, 3):
            processes = self.begin(size, free_port())
            printed = [each.communicate(timeout=60)[0] for each in processes]
            assert [each.returncode for each in processes] == [0] * size
            assert printed == [""] * (size - 1) + [expected]

    def test_all_processes_stop_when_one_sees_the_stop_file(self, tmp_path: Path) -> None:
        (tmp_path / "stop").touch()
        processes = self.begin(2, free_port(), TUNELET_STOP_FILE=str(tmp_path / "stop"))
        printed = [each.communicate(timeout=60)[0] for each in processes]
        assert [each.returncode for each in processes] == [0, 0]
        assert printed[-1].count("step=") == 1

    def test_no_process_waits_for_a_killed_one(self) -> None:
        second, first = self.begin(2, free_port(), epochs=1_000_000)
        assert first.stdout is not None
        first.stdout.readline()
        second.kill()
        assert first.wait(60) == 1
