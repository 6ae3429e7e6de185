"""The code and files of other libraries' users run on Tunelet, most with three lines changed."""

import difflib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import algorithms
from tests.documents.blocks import blocks
from tests.e2e.conftest import Up
from tunelet.request.spec import parse

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "coming_from"
CODE = sorted(path for path in FOLDER.glob("*/*.py") if path.name != "original.py")
MOST = 3
IN_PLACE = {"optuna", "hyperopt", "ray_tune"}
"""The libraries of which the changed code searches by itself."""


def changed(old: Path, new: Path) -> int:
    """Count the lines that differ: of each replaced part the longer side."""
    before, after = (path.read_text().splitlines() for path in (old, new))
    parts = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in parts if tag != "equal")


def names(path: Path) -> str:
    return str(path.relative_to(FOLDER))


def test_each_library_has_an_example() -> None:
    shown = {path.parent.name for path in FOLDER.glob("*/tuned.*")}
    pages = {path.stem for path in (ROOT / "docs" / "coming_from").glob("*.md")}
    assert shown == pages == IN_PLACE | {"katib", "wandb", "sagemaker"}


@pytest.mark.parametrize(
    "code", [each for each in CODE if each.parent.name != "sagemaker"], ids=names
)
def test_at_most_three_lines_differ_from_the_original(code: Path) -> None:
    assert 0 < changed(code.with_name("original.py"), code) <= MOST


@pytest.mark.parametrize(
    "code", [each for each in CODE if each.parent.name in IN_PLACE - {"ray_tune"}], ids=names
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


def saved(page: str) -> dict[str, str]:
    """The files that the reader of a page saves."""
    found = blocks(f"docs/coming_from/{page}.md")
    return {block.title: block.text for block in found if block.title}


def test_the_script_of_the_page_is_the_changed_one_of_wandb() -> None:
    assert saved("wandb")["train.py"] == (FOLDER / "wandb" / "tuned.py").read_text()


def test_the_request_has_the_job_and_the_numbers_of_katibs_experiment() -> None:
    original = yaml.safe_load((FOLDER / "katib" / "original.yaml").read_text())["spec"]
    request = yaml.safe_load((FOLDER / "katib" / "tuned.yaml").read_text())
    parse(request, algorithms.load_catalog())
    template = original["trialTemplate"]
    job = yaml.safe_dump(template["trialSpec"])
    for each in template["trialParameters"]:
        placeholder = f"${{hyperparameters.{each['reference']}}}"
        job = job.replace(f"${{trialParameters.{each['name']}}}", placeholder)
    assert yaml.safe_load(job) == request["model_training_code"]
    same = {
        "parallelTrialCount": "parallel_trials",
        "maxTrialCount": "max_trials",
        "maxFailedTrialCount": "max_failed_trials",
    }
    assert {ours: original[theirs] for theirs, ours in same.items()} == {
        ours: request[ours] for ours in same.values()
    }
    assert [each["name"] for each in original["parameters"]] == [*request["hyperparameters"]]
    assert request["objective"]["goal"] == original["objective"]["goal"]


def test_the_changed_script_of_sagemaker_shows_the_best(
    up: Callable[..., Up], tmp_path: Path
) -> None:
    files = saved("sagemaker")
    for name in ("request.json", "train.py"):
        (tmp_path / name).write_text(files[name])
    training = f"{sys.executable} {tmp_path / 'train.py'}"
    service = up("--alias", f"registry.example/boost:1={training}")
    ran = subprocess.run(
        [sys.executable, FOLDER / "sagemaker" / "tuned.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TUNELET_URL": service.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "'eta': 0." in ran.stdout
    assert "'booster': " in ran.stdout
