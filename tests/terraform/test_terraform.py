"""Terraform accepts the configurations, and its own tests of them pass with mock providers.

Needs terraform or tofu on the PATH, and the pinned providers: from where Terraform itself looks for
them, or from the folder that TUNELET_TEST_TERRAFORM_MIRROR names (a file system mirror).
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "infra" / "terraform"
MIRROR = "TUNELET_TEST_TERRAFORM_MIRROR"
CONFIGURATIONS = sorted(
    {str(file.parent.relative_to(TERRAFORM)) for file in TERRAFORM.rglob("versions.tf")}
)
TESTED = [name for name in CONFIGURATIONS if (TERRAFORM / name / "tests").is_dir()]
pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("terraform")]

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Run terraform in a folder, without this machine's credentials of a cloud."""
    program = shutil.which("terraform") or shutil.which("tofu")
    if program is None:
        pytest.skip("needs terraform or tofu on the PATH")
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    if mirror := os.environ.get(MIRROR):
        config = tmp_path_factory.mktemp("terraform") / "terraformrc"
        config.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        )
        env["TF_CLI_CONFIG_FILE"] = str(config)

    def run(*arguments: str, folder: Path = TERRAFORM) -> subprocess.CompletedProcess[str]:
        command = [program, f"-chdir={folder}", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, because Terraform writes beside the configuration. Its modules share the copy."""
    target = tmp_path_factory.mktemp("copy") / "terraform"
    shutil.copytree(TERRAFORM, target, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return target


@pytest.fixture(scope="module")
def prepared(terraform: Command, copied: Path) -> Callable[[str], Path]:
    """Give a configuration its providers and modules."""

    def initialized(name: str) -> Path:
        folder = copied / name
        done = terraform("init", "-backend=false", "-input=false", "-no-color", folder=folder)
        if "Failed to query available provider packages" in done.stderr:
            pytest.skip(f"needs the providers of {name}, from a folder that {MIRROR} names")
        assert done.returncode == 0, done.stderr
        return folder

    return initialized


def test_the_files_are_formatted(terraform: Command) -> None:
    done = terraform("fmt", "-check", "-recursive", "-no-color")
    assert done.returncode == 0, f"terraform fmt -recursive changes {done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_is_valid(
    name: str, terraform: Command, prepared: Callable[[str], Path]
) -> None:
    done = terraform("validate", "-no-color", folder=prepared(name))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", TESTED)
def test_the_tests_of_a_configuration_pass(
    name: str, terraform: Command, prepared: Callable[[str], Path]
) -> None:
    done = terraform("test", "-no-color", folder=prepared(name))
    assert done.returncode == 0, done.stdout + done.stderr
