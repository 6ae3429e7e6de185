"""Requests that name a command without an image, for the service's own machine."""

import json
import shlex
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Identity, Up
from tunelet.cli import main
from tunelet.errors import Reject

PROGRAM = "import sys; print('loss=' + sys.argv[1].partition('=')[2])"
SPACE: dict[str, Any] = {"x": {"type": "float", "min": 0, "max": 1}}


def request(code: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "model_training_code": code,
        "hyperparameters": SPACE,
        "objective": {"metric": "loss"},
        "hpo_algorithm": "random_search",
        "max_trials": 2,
        "parallel_trials": 2,
        **more,
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/train.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_a_command_runs_in_a_folder_of_its_own_or_where_the_request_says(
    up: Callable[..., Up], folder: Path
) -> None:
    client = up().client
    whole = [sys.executable, str(folder / "train.py")]
    assert client.submit(request({"command": whole})).wait().state == "COMPLETE"
    here = {"command": [sys.executable, "train.py"], "workdir": str(folder)}
    ended = client.submit(request(here)).wait()
    assert ended.state == "COMPLETE"
    assert ended.spec["model_training_code"]["workdir"] == str(folder)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ({"command": ["no-such-program"]}, "'no-such-program' is not on the service's machine"),
        ({"command": ["./train.sh"], "workdir": "/"}, "'./train.sh' is not on"),
        ({"command": ["sh"], "workdir": "/no/such/folder"}, "make the folder"),
        ({"command": ["sh"], "workdir": "relative"}, "is not an absolute path"),
        ({"command": []}, "image: is missing"),
        ({"image": "trainer", "workdir": "/"}, "is for commands without an image"),
    ],
)
def test_a_command_that_cannot_start_is_refused_once(
    up: Callable[..., Up], code: dict[str, Any], message: str
) -> None:
    client = up().client
    with pytest.raises(Reject, match=message):
        client.submit(request(code))
    assert not list(client.experiments())


def test_a_file_in_a_shared_folder_is_refused_as_source_of_metrics(up: Callable[..., Up]) -> None:
    code = {"command": ["sh"], "workdir": "/"}
    with pytest.raises(Reject, match="all trials share"):
        up().client.submit(request(code, metrics={"source": "file", "path": "m.json"}))


def test_a_service_beyond_loopback_accepts_commands_only_with_the_option(
    up: Callable[..., Up], identity: Identity
) -> None:
    code = {"command": ["sh", "-c", "echo loss=1"]}
    beyond = ("--host", "0.0.0.0", "--identity", str(identity.file))
    shut = up(*beyond)
    with pytest.raises(Reject, match=r"is not allowed here.*--allow-commands"):
        identity.client(shut).submit(request(code))
    shut.close()
    told = up(*beyond, "--allow-commands")
    assert identity.client(told).submit(request(code)).wait().state == "COMPLETE"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json", "Origin": "http://evil.example"},
        {"Content-Type": "application/json", "Host": "evil.example"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
def test_a_page_of_another_site_cannot_have_a_command_run(
    up: Callable[..., Up], tmp_path: Path, headers: dict[str, str]
) -> None:
    service = up()
    touched = tmp_path / "touched"
    body = json.dumps(request({"command": ["touch", str(touched)]})).encode()
    asked = urllib.request.Request(f"{service.url}/api/submit_job", body, headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    assert refused.value.code in (403, 415, 421)
    assert not list(service.client.experiments())
    assert not touched.exists()


def test_run_and_submit_ask_a_service_by_its_address(
    up: Callable[..., Up], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    service = up()
    space = ("--float", "x=0:1", "--minimize", "loss", "--url", service.url)
    command = (sys.executable, "train.py")
    assert main(["run", *space, "--name", "a", "-n", "3", "--", *command]) == 0
    out = capfd.readouterr().out
    assert "a is COMPLETE" in out
    assert f"run it again with: {shlex.join(command)} --x=" in out
    assert service.client.experiment("a").counts["complete"] == 3
    assert main(["run", *space, "--name", "a", "-n", "5", "--", *command]) == 0
    assert service.client.experiment("a").counts["complete"] == 5
    flags = ("--command", shlex.join(command), "--workdir", ".", "--max-trials", "2")
    assert main(["submit", *space, "--name", "b", *flags, "--wait"]) == 0
    assert not (folder / "tunelet-data").exists()


def test_image_and_command_exclude_each_other(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "--image", "a", "--command", "b"]) == 2
    assert "either --image or --command" in capfd.readouterr().err
