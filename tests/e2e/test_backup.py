"""The commands of docs/operations/backup.md, on a service that goes on working meanwhile."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.guard import end_all
from tunelet.client import Client
from tunelet.client.trial import Trial

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "import sys; from tunelet.cli import main; sys.exit(main())"
TRIALS = 12
TRAIN = """
echo "$TUNELET_TRIAL $TUNELET_ATTEMPT" >> "$ENDS"
sleep 0.1
echo "objective=$TUNELET_TRIAL"
"""

Wait = Callable[[Callable[[], object]], None]


def verified(copy: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "verify", f"file://{copy}", "--repair"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def copied(store: Path, copy: Path) -> None:
    """Copy until the check finds nothing: files that are removed meanwhile make cp complain."""
    for _ in range(5):
        subprocess.run(["cp", "-a", f"{store}/.", copy], capture_output=True, check=False)
        if verified(copy).returncode == 0:
            return
    raise AssertionError(verified(copy).stdout)


def test_a_copy_of_a_working_service_is_restored_on_another_machine_with_the_exact_budget(
    up: Callable[..., Any], tmp_path: Path, wait: Wait
) -> None:
    script, ends = tmp_path / "train.sh", tmp_path / "ends"
    script.write_text(TRAIN)
    options = ("--alias", f"train=sh {script}", "--max-processes", "2", "--lease-seconds", "2")
    service = up(*options)
    service.client.submit(
        {
            "name": "kept",
            "model_training_code": {"image": "train", "env": {"ENDS": str(ends)}},
            "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
            "hpo_algorithm": "random_search",
            "max_trials": TRIALS,
            "parallel_trials": 2,
        }
    )
    wait(lambda: ends.exists() and len(ends.read_text().splitlines()) >= TRIALS // 3)
    copy = tmp_path / "copy"
    copied(service.data / "store", copy)
    service.kill()
    end_all(tmp_path)

    restored = up(*options, "--store", f"file://{copy}")
    ended = restored.client.experiment("kept").wait(timeout=60)
    trials = ended.trials
    assert ended.state == "COMPLETE"
    assert sorted(trial["number"] for trial in trials) == list(range(TRIALS))
    assert all(trial["values"] == {"objective": trial["number"]} for trial in trials)
    assert verified(copy).stdout.splitlines()[1].split()[1] == "sound"


TRAIN_X = """
for word in "$@"; do case $word in --x=*) echo "objective=${word#--x=}";; esac; done
"""


def test_runs_of_the_time_after_the_copy_give_no_values_to_trials_of_the_restored_store(
    up: Callable[..., Any], tmp_path: Path
) -> None:
    script = tmp_path / "train.sh"
    script.write_text(TRAIN_X)
    service = up("--alias", f"train=sh {script}", "--max-processes", "2", "--lease-seconds", "2")
    kept = service.client.submit(
        {
            "name": "kept",
            "model_training_code": {"image": "train"},
            "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
            "hpo_algorithm": "random_search",
            "max_trials": 1,
            "parallel_trials": 2,
            "max_attempts": 1,
        }
    )
    assert kept.wait(timeout=60).state == "COMPLETE"
    copy, store = tmp_path / "copy", service.data / "store"
    copied(store, copy)
    continued(service.client, lambda n: n / 100)
    service.kill()
    shutil.rmtree(store)
    copy.rename(store)

    service.start()
    trials = continued(service.client, lambda n: 1 - n / 100)
    assert [t for t in trials if t["values"] != {"objective": t["hyperparameters"]["x"]}] == []
    assert [t["number"] for t in trials if t["attempt"] > 1]


def continued(client: Client, x: Callable[[int], float]) -> list[Trial]:
    """Train further trials, most with these hyperparameters; returns all trials."""
    client.extend("kept", max_trials=1 + 2 * TRIALS)
    client.enqueue("kept", [{"x": x(n)} for n in range(TRIALS)])
    ended = client.experiment("kept").wait(timeout=60)
    assert ended.state == "COMPLETE"
    assert len(ended.trials) == 1 + 2 * TRIALS
    return list(ended.trials)
