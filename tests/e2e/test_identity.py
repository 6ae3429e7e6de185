"""A service that knows its callers, as a process."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Identity, Up
from tests.e2e.test_run import ROOT, TUNELET
from tunelet.client import Client
from tunelet.errors import Forbidden, NotFound, Unauthorized
from tunelet.text.credential import PREFIX, generated

SPACE = {"x": {"type": "float", "min": 0, "max": 1}}
REQUEST: dict[str, Any] = {
    "name": "known",
    "model_training_code": {"command": ["sh", "-c", "echo loss=1"]},
    "hyperparameters": SPACE,
    "objective": {"metric": "loss"},
    "max_trials": 2,
}


def tunelet(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run([*TUNELET, *words], env=env, capture_output=True, text=True, check=False)


def test_beyond_loopback_a_service_without_identities_does_not_start(tmp_path: Path) -> None:
    done = tunelet("up", "--port", "0", "--host", "0.0.0.0", "--data", str(tmp_path / "data"))
    assert done.returncode == 2
    assert "--identity" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_wrong_identity_file_ends_the_start_with_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "identity.yaml"
    token = generated()
    path.write_text(f"tokens:\n  - name: ci\n    sha256: {token}\n")
    done = tunelet("up", "--port", "0", "--data", str(tmp_path / "d"), "--identity", str(path))
    assert done.returncode == 2
    assert "tokens[0].sha256" in done.stderr
    assert token not in done.stdout + done.stderr


def test_a_search_runs_for_those_who_may_and_nothing_is_seen_by_others(
    up: Callable[..., Up], identity: Identity
) -> None:
    service = up("--identity", str(identity.file))
    known = identity.client(service)
    begun = known.submit(REQUEST)
    assert begun.wait().state == "COMPLETE"
    for token in (None, generated(), "1." + "0" * 64):
        with pytest.raises(Unauthorized) as unknown:
            Client(service.url, token=token).experiment("known")
        (note,) = unknown.value.__notes__
        assert note.endswith("set TUNELET_TOKEN")
    with pytest.raises(NotFound):
        Client(service.url, "elsewhere", token=identity.token).experiment("known")
    with pytest.raises(Forbidden, match="may not update deadletters") as refused:
        known.replay(_letter(service))
    assert "ask for the right" in refused.value.errors[0].remedy
    assert [(each["actor"], each["action"]) for each in known.audit("known")] == [
        ("token:ci", "submit"),
        (None, "end"),
    ]
    service.close()
    assert PREFIX not in service.output.read_text()


def _letter(service: Up) -> str:
    """A dead letter of the namespace, in the store of the service."""
    from adapters.storage.files import FileStore
    from tunelet.dead_letters import DeadLetters

    headers = {"ce-type": "x", "ce-subject": "default/known"}
    letters = DeadLetters(FileStore(service.data / "store"))
    return letters.keep(headers, b"", namespace="default").id


def test_a_worker_asks_with_its_token_and_reports_with_the_trials(
    up: Callable[..., Up], identity: Identity
) -> None:
    service = up("--identity", str(identity.file))
    request = REQUEST | {"model_training_code": {"workers": True}, "max_trials": 3}
    experiment = identity.client(service).submit(request)
    words = ("worker", "known", "--url", service.url, "--", "sh", "-c", "echo loss=1")
    assert "tunelet login" in tunelet(*words).stderr
    done = tunelet(*words, TUNELET_TOKEN=identity.token)
    assert done.returncode == 0, done.stderr
    assert experiment.wait().state == "COMPLETE"
    assert identity.token not in done.stdout + done.stderr


def test_a_new_token_is_written_once_and_its_line_opens_the_service(
    up: Callable[..., Up], tmp_path: Path
) -> None:
    made = tunelet("token", "new", "ann")
    token = made.stdout.strip()
    assert token not in made.stderr
    path = tmp_path / "identity.yaml"
    path.write_text(made.stderr)
    service = up("--identity", str(path))
    shown = tunelet("whoami", "--url", service.url, "--json", TUNELET_TOKEN=token)
    assert json.loads(shown.stdout)["name"] == "token:ann"
    assert not list(Client(service.url, token=token).experiments())


def test_beyond_loopback_the_service_says_where_other_machines_reach_it(
    up: Callable[..., Up], identity: Identity, wait: Callable[[Callable[[], object]], None]
) -> None:
    beyond = ("--host", "0.0.0.0", "--allowed-host", "lab")
    service = up(*beyond, "--identity", str(identity.file))
    port = service.url.rpartition(":")[2]
    line = f"Other machines call port {port} at an address of this machine or lab\n"
    wait(lambda: line in service.output.read_text())
