"""The list of the slowest files, in a real session."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SLEEPS = "import time\ndef test_it():\n    time.sleep({seconds})\n"


def said(folder: Path, *options: str) -> str:
    (folder / "conftest.py").write_text("from tests.durations import pytest_terminal_summary")
    (folder / "test_slow.py").write_text(SLEEPS.format(seconds=0.2))
    (folder / "test_fast.py").write_text(SLEEPS.format(seconds=0))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    environment = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.check_output(command, cwd=folder, env=os.environ | environment, text=True)


def test_files_are_shown_slowest_first(tmp_path: Path) -> None:
    shown = said(tmp_path, "--durations", "1").partition("slowest files")[2].split()
    assert [word for word in shown if word.endswith(".py")] == ["test_slow.py", "test_fast.py"]


def test_nothing_is_shown_of_a_run_that_asks_for_no_durations(tmp_path: Path) -> None:
    assert "slowest" not in said(tmp_path)
