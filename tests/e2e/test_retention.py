"""Which checkpoints of real trainings are kept, and which a later sweep removes."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.storage import open_store
from algorithms import load_catalog
from functions.events.outbox import Nowhere, Outbox
from tests.faults.training import ScriptedLauncher
from tunelet.assembly import assembled
from tunelet.engine.retention import SETTLED

TRAIN = """
folder=${TUNELET_CHECKPOINT_URL#file://}
mkdir -p "$folder"
echo "$1" > "$folder/weights"
echo "objective=${1#--x=}"
"""


def sweep_later(store: Path) -> None:
    """Sweep as soon as no run may save anything more, which is minutes after its end."""
    service = assembled(
        *(open_store(store.as_uri()), ScriptedLauncher(), load_catalog(), Outbox(Nowhere())),
        secret=bytes(16),
        api_url="http://127.0.0.1:8080",
        clock=lambda: time.time() + SETTLED + 60,
    )
    service.sweep()


@pytest.mark.parametrize(("kept", "left"), [(None, 5), (2, 2)])
def test_the_checkpoints_of_the_best_trials_are_kept(
    kept: int | None, left: int, up: Callable[..., Any], tmp_path: Path
) -> None:
    script = tmp_path / "train.sh"
    script.write_text(TRAIN)
    service = up("--alias", f"train=sh {script}")
    request = {
        "name": "saved",
        "model_training_code": "train",
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "max_trials": 5,
        **({} if kept is None else {"keep_checkpoints": kept}),
    }
    service.client.submit(request).wait(timeout=60)
    trials = list(service.client.trials("saved"))
    ranked = sorted(trials, key=lambda trial: trial.values["objective"])

    def found() -> list[int]:
        folders = (service.data / "store").glob("v1/default/saved/trials/*/*/weights")
        return sorted(int(each.parent.name) for each in folders)

    assert found() == [0, 1, 2, 3, 4]
    service.close()
    sweep_later(service.data / "store")
    assert found() == sorted(trial.number for trial in ranked[:left])
    service.start()
    assert list(service.client.artifacts("saved", ranked[0].number)) == ["weights"] * bool(left)
    assert list(service.client.artifacts("saved", ranked[-1].number)) == ["weights"] * (left == 5)
