"""How podman and docker are called; no engine is run."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from adapters.launchers.local.container import container_plan
from adapters.launchers.local.folder import Plan, RunFolder
from tunelet.core.metrics_source import MetricsSource
from tunelet.core.run import Launch, Run
from tunelet.errors import Reject

RUN = Run("team", "digits", "0123456789", 7, 2)
METRICS = MetricsSource()


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
        "/bin/podman", "run", "--rm", f"--name={name}", "--network=host",
        "--env-file=/runs/7/container.env", "--env=TUNELET_SLOT", "i:1", "--lr=1",
    )  # fmt: skip
    assert made.cleanup == (("/bin/podman", "rm", "--force", name),)


def test_the_command_replaces_the_entrypoint() -> None:
    made = plan(command=("python", "train.py"))
    assert made.argv[-4:] == ("--entrypoint=python", "i:1", "train.py", "--lr=1")


def test_no_value_of_the_environment_shows_on_the_command_line() -> None:
    made = plan(env={"TUNELET_TRIAL_TOKEN": "s3cret", "KEY": " s3cret=#", "PATH": "/theirs"})
    assert "s3cret" not in " ".join(made.argv)
    assert {"--env=TUNELET_TRIAL_TOKEN", "--env-file=/runs/7/container.env"} <= set(made.argv)
    assert made.env["TUNELET_TRIAL_TOKEN"] == "s3cret"
    assert made.files == {"container.env": "KEY= s3cret=#\nPATH=/theirs\n"}
    assert made.env.get("PATH") != "/theirs"


def test_the_file_of_the_environment_is_for_its_user_only(tmp_path: Path) -> None:
    made = plan(env={"KEY": "s3cret"})
    (tmp_path / "tmp").mkdir()
    lock = RunFolder(tmp_path / "run").create(made, tmp_path / "tmp")
    assert lock is not None
    os.close(lock)
    file = tmp_path / "run" / "container.env"
    assert file.read_text() == "KEY=s3cret\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_value_that_no_line_can_hold_is_refused() -> None:
    with pytest.raises(Reject, match=r"model_training_code\.env\.KEY has a line break"):
        plan(env={"KEY": "a\nOTHER=b"})


def test_the_checkpoint_folder_and_the_file_of_metrics_are_shared() -> None:
    made = plan(
        env={"TUNELET_CHECKPOINT_URL": "file:///c/a%20b"},
        metrics=MetricsSource(source="file", path="/out/result.json"),
    )
    assert {"--volume=/c/a b:/c/a b", "--volume=/runs/7/work:/out"} <= set(made.argv)
    assert made.metrics_file == "/runs/7/work/result.json"


@pytest.mark.parametrize("path", ["result.json", "/result.json"])
def test_a_file_of_metrics_that_cannot_be_shared_is_refused(path: str) -> None:
    with pytest.raises(Reject, match=r"metrics\.path"):
        plan(metrics=MetricsSource(source="file", path=path))


@pytest.mark.parametrize(
    ("resources", "options"),
    [
        ({"limits": {"cpu": "500m", "memory": "2Gi"}}, {"--cpus=0.5", "--memory=2147483648"}),
        ({"cpu": 2, "memory": "15.5M"}, {"--cpus=2", "--memory=15500000"}),
        ({"requests": {"cpu": 1}}, set()),
        ({"cpu": "100u", "memory": "1P"}, {"--cpus=0.01", f"--memory={10**15}"}),
        ({"cpu": "1500000000n", "memory": "5Pi"}, {"--cpus=1.5", f"--memory={5 * 2**50}"}),
        ({"cpu": "2e0", "memory": "12e6"}, {"--cpus=2", "--memory=12000000"}),
        ({"cpu": "1.0001", "memory": "1E"}, {"--cpus=1.001", f"--memory={10**18}"}),
        ({"memory": "100Ei"}, {f"--memory={2**63 - 1}"}),
        ({"memory": 1e300}, {f"--memory={2**63 - 1}"}),
        ({"memory": "128974848000m"}, {"--memory=128974848"}),
    ],
)
def test_limits_hold_for_the_container(resources: dict[str, Any], options: set[str]) -> None:
    argv = plan(code={"image": "i:1", "resources": resources}).argv
    assert {each for each in argv if each.startswith(("--cpus", "--memory"))} == options


@pytest.mark.parametrize(
    "written", ["1X", "5 Gi", "-1", "1Kib", "", "1e3k", "one", "1" * 5000, "\u0661"]
)
def test_an_invalid_quantity_is_refused_with_its_field(written: str) -> None:
    for resources, field in (
        ({"limits": {"memory": written}}, "model_training_code.resources.limits.memory"),
        ({"cpu": written}, "model_training_code.resources.cpu"),
    ):
        with pytest.raises(Reject) as refusal:
            plan(code={"image": "i:1", "resources": resources})
        assert [error.field for error in refusal.value.errors] == [field]
        assert field in str(refusal.value)


def test_an_image_is_never_an_option_of_the_engine() -> None:
    """With --volume=/:/host as the image, the first argument would be the image."""
    with pytest.raises(Reject, match="dash"):
        plan(code={"image": "--volume=/:/host"}, args=("alpine", "sh"))


def test_a_path_of_metrics_adds_no_options_to_its_volume() -> None:
    metrics = MetricsSource(source="file", path="/out:dev,suid/metrics.json")
    with pytest.raises(Reject, match="colon"):
        plan(metrics=metrics)
