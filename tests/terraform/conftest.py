"""Terraform, in a copy of the configurations, with the providers that this machine has.

AWS's provider comes from where Terraform itself looks for it, or from the mirror that
TUNELET_TEST_TERRAFORM_MIRROR names. Those of Google and Azure only have the real schemas.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terraform.frozen import mirror

TERRAFORM = Path(__file__).resolve().parents[2] / "infra" / "terraform"
MIRROR = "TUNELET_TEST_TERRAFORM_MIRROR"

Command = Callable[..., subprocess.CompletedProcess[str]]
Prepare = Callable[[str], Path]


@pytest.fixture(scope="session")
def program() -> str:
    found = shutil.which("terraform") or shutil.which("tofu")
    if found is None:
        pytest.skip("needs terraform or tofu on the PATH")
    return found


@pytest.fixture(scope="session")
def frozen(
    program: str, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Path | None:
    """The mirror with the schemas of Google and Azure; None where a tool for it is missing."""
    if mirror.missing():
        return None
    folder = tmp_path_factory.mktemp("frozen")
    cache = Path(pytestconfig.cache.mkdir("frozen"))
    with (cache / "lock").open("w") as lock:
        # The workers of a run share the cache: the first one fills it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        mirror.build_mirror(folder, _usual_host(program), cache, TERRAFORM)
    return folder


def _usual_host(program: str) -> str:
    """Where the program takes providers from, if their source names no host."""
    command = [program, f"-chdir={TERRAFORM / 'modules/gcp/network'}", "providers"]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"provider\[(.+)/hashicorp/google\]", asked.stdout)
    assert found is not None, asked.stdout
    return found[1]


@pytest.fixture(scope="session")
def terraform(
    program: str, tmp_path_factory: pytest.TempPathFactory, frozen: Path | None
) -> Command:
    """Run terraform in a folder, without this machine's credentials of a cloud."""
    ours = [f"hashicorp/{name}" for name in mirror.PROVIDERS] if frozen else []
    settings = _mirror(frozen, "include", ours) if frozen else ""
    if given := os.environ.get(MIRROR):
        settings += _mirror(Path(given), "exclude", ours)
    else:
        settings += f"  direct {{\n    exclude = {_quoted(ours)}\n  }}\n"
    config = tmp_path_factory.mktemp("terraform") / "terraformrc"
    config.write_text(f"provider_installation {{\n{settings}}}\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env["TF_CLI_CONFIG_FILE"] = str(config)

    def run(*arguments: str, folder: Path = TERRAFORM) -> subprocess.CompletedProcess[str]:
        command = [program, f"-chdir={folder}", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    return run


def _mirror(folder: Path, word: str, providers: list[str]) -> str:
    return (
        f'  filesystem_mirror {{\n    path = "{folder}"\n    {word} = {_quoted(providers)}\n  }}\n'
    )


def _quoted(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, because Terraform writes beside the configuration. Its modules share the copy."""
    target = tmp_path_factory.mktemp("copy") / "terraform"
    shutil.copytree(TERRAFORM, target, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return target


@pytest.fixture(scope="session")
def prepared(terraform: Command, copied: Path) -> Prepare:
    """Give a configuration its providers and modules."""

    def initialized(name: str) -> Path:
        folder = copied / name
        done = terraform("init", "-backend=false", "-input=false", "-no-color", folder=folder)
        if "Failed to query available provider packages" in done.stderr:
            pytest.skip(_lack(name))
        assert done.returncode == 0, done.stderr
        return folder

    return initialized


def _lack(name: str) -> str:
    if "aws" in name:
        return f"needs the providers of {name}, from a folder that {MIRROR} names"
    return f"needs {mirror.missing()}"
