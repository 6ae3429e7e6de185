"""Answers to callers while the folder of the store is away."""

from pathlib import Path
from typing import Any, cast

import pytest

from adapters.storage.files import FileStore
from tests.unit.functions.conftest import FragileStore, World
from tunelet.core.experiment_state import ExperimentState

CALLS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "ready": ("GET", "/api/ready", None),
    "list": ("GET", "/api/experiments", None),
    "show": ("GET", "/api/experiments/digits", None),
    "trials": ("GET", "/api/experiments/digits/trials", None),
    "pause": ("POST", "/api/experiments/digits/pause", None),
    "stop": ("POST", "/api/experiments/digits/stop", None),
    "delete": ("DELETE", "/api/experiments/digits", None),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_answered_503_with_the_reason_and_changes_nothing(
    call: str, tmp_path: Path
) -> None:
    world = World(cast(FragileStore, FileStore(tmp_path / "store")))
    world.running()
    (tmp_path / "store").rename(tmp_path / "away")
    method, path, body = CALLS[call]
    answer = world.api.open(path, method=method, json=body)
    assert answer.status_code == 503
    assert f"{tmp_path}/store, is absent" in answer.json["detail"]
    assert world.api.get("/api/health").status_code == 200
    assert not (tmp_path / "store").exists()
    (tmp_path / "away").rename(tmp_path / "store")
    assert world.service.experiment("default", "digits").state is ExperimentState.RUNNING


def test_a_submit_is_answered_503_with_the_reason(tmp_path: Path, smallest: dict[str, Any]) -> None:
    world = World(cast(FragileStore, FileStore(tmp_path / "store")))
    (tmp_path / "store").rename(tmp_path / "away")
    answer = world.api.post("/api/submit_job", json=smallest)
    assert answer.status_code == 503
    assert "is absent" in answer.json["detail"]
    assert list(tmp_path.iterdir()) == [tmp_path / "away"]
