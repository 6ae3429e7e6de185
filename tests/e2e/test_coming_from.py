"""The code of other libraries' users runs on Tunelet with at most three lines changed."""

import difflib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "coming_from"
CODE = sorted(path for path in FOLDER.glob("*/*.py") if path.name != "original.py")
MOST = 3


def changed(old: Path, new: Path) -> int:
    """Count the lines that differ: of each replaced part the longer side."""
    before, after = (path.read_text().splitlines() for path in (old, new))
    parts = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in parts if tag != "equal")


def names(path: Path) -> str:
    return str(path.relative_to(FOLDER))


def test_each_library_has_an_example() -> None:
    assert {path.parent.name for path in CODE} == {"optuna", "hyperopt", "ray_tune"}


@pytest.mark.parametrize("code", CODE, ids=names)
def test_at_most_three_lines_differ_from_the_original(code: Path) -> None:
    assert 0 < changed(code.with_name("original.py"), code) <= MOST


@pytest.mark.parametrize(
    "code", [each for each in CODE if each.parent.name != "ray_tune"], ids=names
)
def test_the_changed_code_searches_and_keeps_a_log(code: Path, tmp_path: Path) -> None:
    searched(code, tmp_path)


@pytest.mark.libraries
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs ray")
def test_the_changed_code_of_ray_searches_and_keeps_a_log(tmp_path: Path) -> None:
    searched(FOLDER / "ray_tune" / "tuned.py", tmp_path)


def searched(code: Path, folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "{" in ran.stdout
    assert list(folder.glob("**/journal/*.json")), sorted(folder.rglob("*"))
