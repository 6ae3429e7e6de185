"""`tunelet up`, killed at any moment, continues: nothing is lost, and nothing runs twice."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.launchers import open_launcher
from adapters.storage import open_store
from algorithms import load_catalog
from functions.events.outbox import Nowhere, Outbox
from tunelet.assembly import assembled
from tunelet.client import Client
from tunelet.log.markers import STALE

# Each start of an attempt and each end leaves a line; the checkpoint says what survived, and is
# whole at any moment.
TRAIN = """
folder=${TUNELET_CHECKPOINT_URL#file://}
echo "$TUNELET_TRIAL $TUNELET_ATTEMPT" >> "$STARTS"
epoch=$(cat "$folder/epoch" 2>/dev/null || echo 0)
while [ "$epoch" -lt 4 ]; do
  epoch=$((epoch + 1)); echo "$epoch" > "$folder/new"; mv "$folder/new" "$folder/epoch"
  echo "step=$epoch objective=0.$epoch"
  sleep 0.15
done
"""


def request(image: str, starts: Path, **fields: Any) -> dict[str, Any]:
    return {
        "name": "survivor",
        "model_training_code": {"image": image, "env": {"STARTS": str(starts)}},
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "max_trials": 12,
        "parallel_trials": 3,
        **fields,
    }


@pytest.fixture
def train(tmp_path: Path) -> Path:
    script = tmp_path / "train.sh"
    script.write_text(TRAIN)
    return script


@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again_it_ends_with_the_exact_budget_and_no_run_twice(
    up: Callable[..., Any], train: Path, tmp_path: Path, seed: int
) -> None:
    starts = tmp_path / "starts"
    service = up("--alias", f"train=sh {train}", "--max-processes", "3")
    service.client.submit(request("train", starts), idempotency_key="once")
    chance = random.Random(seed)
    for _ in range(6):
        time.sleep(chance.uniform(0.05, 0.8))
        service.kill()
        service.start()
    service.client.submit(request("train", starts), idempotency_key="once")
    ended = service.client.experiment("survivor").wait(timeout=90)
    trials = ended.trials
    assert ended.state == "COMPLETE"
    assert [t["number"] for t in trials] == list(range(12))
    assert all([r["step"] for r in t["reports"]] == [1, 2, 3, 4] for t in trials)
    launched = Counter(starts.read_text().splitlines())
    assert set(launched.values()) == {1}
    # The service's death is no fault of a run: all were adopted.
    assert launched.keys() == {f"{n} 1" for n in range(12)}


def test_a_run_that_died_without_a_verdict_is_tried_again_from_its_checkpoint(
    up: Callable[..., Any], train: Path, tmp_path: Path, wait: Callable[..., None]
) -> None:
    starts = tmp_path / "starts"
    # The first attempt continues only after its death. A report between its last one and the death
    # could be lost with the shim.
    held = '[ "$TUNELET_ATTEMPT $epoch" != "1 2" ] || sleep 60'
    train.write_text(TRAIN.replace("sleep 0.15", held))
    service = up("--alias", f"train=sh {train}")
    service.client.submit(request("train", starts, max_trials=1))
    wait(lambda: any(len(t["reports"]) == 2 for t in service.client.trials("survivor")))
    service.kill()
    for shim in _shims(tmp_path):
        os.kill(shim, signal.SIGKILL)
    service.start()
    (trial,) = service.client.experiment("survivor").wait(timeout=60).trials
    assert (trial["state"], trial["attempt"]) == ("COMPLETE", 2)
    assert [r["step"] for r in trial["reports"]] == [1, 2, 3, 4]
    assert starts.read_text().splitlines() == ["0 1", "0 2"]


@pytest.fixture
def training(
    up: Callable[..., Any], train: Path, tmp_path: Path, wait: Callable[..., None]
) -> Client:
    """The client of a service in which the first trials of `survivor` train."""
    client: Client = up("--alias", f"train=sh {train}").client
    client.submit(request("train", tmp_path / "starts"))
    wait((tmp_path / "starts").exists)
    return client


def test_stop_ends_all_processes_and_extend_continues(
    training: Client, tmp_path: Path, wait: Callable[..., None]
) -> None:
    client = training
    assert client.stop("survivor").state == "STOPPED"
    wait(lambda: not _shims(tmp_path))
    assert all(t["state"] in ("COMPLETE", "STOPPED") for t in client.trials("survivor"))
    client.extend("survivor", max_trials=14)
    client.resume("survivor")
    ended = client.experiment("survivor").wait(timeout=60)
    assert ended.state == "COMPLETE"
    assert len(ended.trials) == 14


def test_delete_leaves_nothing_and_frees_the_name(
    training: Client, tmp_path: Path, wait: Callable[..., None]
) -> None:
    client = training
    uid = client.experiment("survivor").json["uid"]
    client.delete("survivor")
    assert not list(client.experiments())
    wait(lambda: not _shims(tmp_path))
    again = client.submit(request("train", tmp_path / "starts", max_trials=2)).wait(timeout=60)
    assert len(again.trials) == 2
    store = tmp_path / "data0" / "store"
    assert (
        assembled(
            open_store(store.as_uri()),
            open_launcher((tmp_path / "data0" / "runs").as_uri().replace("file", "process")),
            load_catalog(),
            Outbox(Nowhere()),
            secret=b"",
            api_url="",
            clock=lambda: time.time() + STALE + 1,
        ).sweep()
        == 0
    )
    assert not [path for path in (tmp_path / "data0").rglob("*") if uid in str(path)]
    assert len(client.experiment("survivor").trials) == 2


def _shims(folder: Path) -> list[int]:
    """The processes beside the runs below the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"shim.py" in words and str(folder).encode() in words:
            found.append(int(process.name))
    return found
