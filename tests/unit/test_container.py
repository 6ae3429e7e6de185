"""How podman and docker are called; no engine is run."""

from pathlib import Path
from typing import Any

import pytest

from adapters.launchers.container import container_plan
from adapters.launchers.folder import Plan, RunFolder
from tunelet.errors import Reject
from tunelet.ports import Launch, Run

RUN = Run("team", "digits", "0123456789", 7, 2)
METRICS: dict[str, Any] = {"source": "stdout", "path": None}


def plan(**fields: Any) -> Plan:
    given: dict[str, Any] = {
        "code": {"image": "i:1"},
        "command": (),
        "args": ("--lr=1",),
        "env": {},
        "metrics": METRICS,
    }
    launch = Launch(run=RUN, **(given | fields))
    return container_plan("/bin/podman", launch, RunFolder(Path("/runs/7")), 10.0)


def test_the_image_runs_under_the_runs_name_and_is_removed_by_it() -> None:
    made = plan()
    name = "tunelet-team-digits-012345-7-2"
    assert made.argv == (
        "/bin/podman", "run", "--rm", f"--name={name}", "--network=host", "i:1", "--lr=1",
    )  # fmt: skip
    assert made.cleanup == (("/bin/podman", "rm", "--force", name),)


def test_the_command_replaces_the_entrypoint() -> None:
    made = plan(command=("python", "train.py"))
    assert made.argv[-4:] == ("--entrypoint=python", "i:1", "train.py", "--lr=1")


def test_tokens_do_not_show_on_the_command_line() -> None:
    made = plan(env={"TUNELET_TRIAL_TOKEN": "s3cret", "PATH": "/theirs"})
    assert "s3cret" not in " ".join(made.argv)
    assert {"--env=TUNELET_TRIAL_TOKEN", "--env=PATH=/theirs"} <= set(made.argv)
    assert made.env["TUNELET_TRIAL_TOKEN"] == "s3cret"
    assert made.env.get("PATH") != "/theirs"


def test_the_checkpoint_folder_and_the_file_of_metrics_are_shared() -> None:
    made = plan(
        env={"TUNELET_CHECKPOINT_URL": "file:///c/a%20b"},
        metrics={"source": "file", "path": "/out/result.json"},
    )
    assert {"--volume=/c/a b:/c/a b", "--volume=/runs/7/work:/out"} <= set(made.argv)
    assert made.metrics_file == "/runs/7/work/result.json"


@pytest.mark.parametrize("path", ["result.json", "/result.json"])
def test_a_file_of_metrics_that_cannot_be_shared_is_refused(path: str) -> None:
    with pytest.raises(Reject, match=r"metrics\.path"):
        plan(metrics={"source": "file", "path": path})


@pytest.mark.parametrize(
    ("resources", "options"),
    [
        ({"limits": {"cpu": "500m", "memory": "2Gi"}}, {"--cpus=0.5", "--memory=2147483648"}),
        ({"cpu": 2, "memory": "1.5k"}, {"--cpus=2", "--memory=1500"}),
        ({"requests": {"cpu": 1}}, set()),
    ],
)
def test_limits_hold_for_the_container(resources: dict[str, Any], options: set[str]) -> None:
    argv = plan(code={"image": "i:1", "resources": resources}).argv
    assert {each for each in argv if each.startswith(("--cpus", "--memory"))} == options
