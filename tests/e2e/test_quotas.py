"""`tunelet up --quotas` over real processes: what is refused, and what waits."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Up
from tunelet.cli import main
from tunelet.client import Client
from tunelet.errors import OverQuota

QUOTAS = {
    "default": {"experiments": 1},
    "namespaces": {"vision": {"live_trials": 1, "experiments": None}},
}


def request(name: str, trials: int = 1) -> dict[str, Any]:
    return {
        "name": name,
        "model_training_code": {"command": ["sh", "-c", "sleep 0.2; echo objective=1"]},
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "max_trials": trials,
        "parallel_trials": trials,
    }


@pytest.fixture
def service(up: Callable[..., Up], tmp_path: Path) -> Up:
    file = tmp_path / "quotas.json"
    file.write_text(json.dumps(QUOTAS))
    return up("--quotas", str(file))


def test_a_used_up_quota_is_named_with_its_remedy(service: Up, tmp_path: Path, capsys: Any) -> None:
    Client(service.url).submit(request("a"))
    with pytest.raises(OverQuota) as refusal:
        Client(service.url).submit(request("b"))
    assert [error.field for error in refusal.value.errors] == ["quota.experiments"]
    file = tmp_path / "b.json"
    file.write_text(json.dumps(request("b")))
    assert main(["--url", service.url, "submit", str(file)]) == 6
    printed = capsys.readouterr().err
    assert "quota.experiments = 1: is used up" in printed
    assert "TUNELET_TOKEN" not in printed


def test_trials_of_a_namespace_run_one_after_another_if_its_quota_is_one(service: Up) -> None:
    client = Client(service.url, "vision", timeout=60)
    names = ("a", "b")
    for name in names:
        client.submit(request(name, trials=3))
    for name in names:
        assert client.wait(name, timeout=120).state == "COMPLETE"
    trials = [trial for name in names for trial in client.trials(name)]
    assert [trial.state for trial in trials] == ["COMPLETE"] * 6
    times = sorted((trial["started_at"], trial["finished_at"]) for trial in trials)
    assert all(end <= start for (_, end), (start, _) in pairwise(times))


def test_wrong_quotas_are_refused_before_the_service_starts(tmp_path: Path, capsys: Any) -> None:
    wrong = '{"default": {"trials": 1}}'
    assert main(["up", "--data", str(tmp_path / "data"), "--quotas", wrong]) == 2
    assert "--quotas.default.trials" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
