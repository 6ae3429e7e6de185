"""The shell completes the names of experiments from a folder, too."""

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from adapters.launchers.memory import MemoryLauncher
from adapters.storage.files import FileStore
from algorithms import load_catalog
from tests.unit.functions.conftest import SMALLEST, Broker
from tunelet.assembly import assembled
from tunelet.cli import cli


def completed(*words: str) -> list[str]:
    shell = ShellComplete(cli, {}, "tunelet", "_TUNELET_COMPLETE")
    return [item.value for item in shell.get_completions(list(words), "dig")]


def test_a_folders_experiments_are_completed_and_an_absent_folder_has_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "store"
    service = assembled(
        *(FileStore(folder), MemoryLauncher(), load_catalog(), Broker()),
        secret=bytes(16),
        api_url="http://127.0.0.1:1",
    )
    for name in ("digits", "other"):
        service.submit({**SMALLEST, "name": name})
    assert completed("show", "--store", str(tmp_path)) == ["digits"]
    assert completed("show", "-n", "vision", "--store", str(tmp_path)) == []
    assert completed("show", "--store", str(tmp_path / "absent")) == []
    assert capfd.readouterr() == ("", "")
