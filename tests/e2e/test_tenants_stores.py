"""`tunelet up --stores`: a tenant's own store, which goes away while another tenant works."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Up
from tunelet.cli import main
from tunelet.client import Client
from tunelet.errors import Retry


def request(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "model_training_code": {"command": ["sh", "-c", "echo objective=$TUNELET_TRIAL"]},
        "hyperparameters": {"x": {"type": "float", "min": 0, "max": 1}},
        "hpo_algorithm": "random_search",
        "max_trials": 3,
    }


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.rglob("*") if each.is_dir()}


def test_a_tenant_works_while_the_store_of_another_is_away(
    up: Callable[..., Up], tmp_path: Path, capsys: Any
) -> None:
    own = tmp_path / "own"
    stores = tmp_path / "stores.json"
    stores.write_text(json.dumps({"vision": {"url": own.as_uri()}}))
    service = up("--stores", str(stores))
    vision = Client(service.url, "vision", timeout=60, patience=0)
    audio = Client(service.url, "audio", timeout=60)
    for client in (vision, audio):
        client.submit(request("a"))
        assert client.wait("a", timeout=120).state == "COMPLETE"
    assert {"v1", "index", "vision"} <= names(own)
    assert "audio" not in names(own)
    assert "vision" not in names(service.data / "store")
    assert main(["verify", own.as_uri()]) == 0
    assert "vision/a" in capsys.readouterr().out

    own.rename(tmp_path / "away")
    with pytest.raises(Retry, match="own"):
        vision.submit(request("b"))
    audio.submit(request("b"))
    assert audio.wait("b", timeout=120).state == "COMPLETE"

    (tmp_path / "away").rename(own)
    vision.submit(request("b"))
    assert vision.wait("b", timeout=120).state == "COMPLETE"
