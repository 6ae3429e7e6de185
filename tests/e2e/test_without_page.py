"""A checkout without the built page says how to build it, and works without it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_run import ROOT, TUNELET

Wait = Callable[[Callable[[], object]], None]
REMEDY = "the page is not built: run `make page` in the checkout"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and the page's sources of this checkout, with nothing built."""
    folder = tmp_path_factory.mktemp("checkout")
    unbuilt = shutil.ignore_patterns("built", "node_modules", "__pycache__")
    for name in ("tunelet", "functions", "adapters", "algorithms", "infra", "page"):
        shutil.copytree(ROOT / name, folder / name, ignore=unbuilt)
    return folder


@pytest.fixture
def env(checkout: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(checkout)}


@pytest.fixture
def searched(tmp_path: Path, env: dict[str, str]) -> str:
    """What `tunelet run --ui` says about a search in the folder."""
    words = ["run", "--ui", "--float", "x=0:1", "--minimize", "loss", "--name", "mine", "-n", "1"]
    ran = subprocess.run(
        [*TUNELET, *words, "--", "echo", "loss=1"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_run_says_so(searched: str) -> None:
    assert f"warning: {REMEDY}" in searched


@pytest.mark.usefixtures("searched")
def test_report_says_so_and_writes_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    report = [*TUNELET, "report", "mine", "--store", "tunelet-data"]
    ran = subprocess.run(report, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert REMEDY in ran.stderr
    assert not (tmp_path / "mine.html").exists()


def test_up_says_so(tmp_path: Path, env: dict[str, str], wait: Wait) -> None:
    said = tmp_path / "said"
    with said.open("wb") as output:
        up = subprocess.Popen(
            [*TUNELET, "up", "--port", "0"], cwd=tmp_path, env=env, stdout=output, stderr=output
        )
    try:
        wait(lambda: "API documentation" in said.read_text())
    finally:
        up.send_signal(signal.SIGINT)
        up.wait()
    assert REMEDY in said.read_text()


def first(page: Path, **env: str) -> str:
    """What `make install` says about the page; it never fails because of it."""
    ran = subprocess.run(
        [page / "first"],
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def test_an_install_without_node_says_how_to_build_it_later(checkout: Path, tmp_path: Path) -> None:
    for name in ("sh", "dirname"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    said = first(checkout / "page", PATH=str(tmp_path))
    assert said.count("\n") == 1
    assert "`make page` builds it, with node 20 or newer, and npm" in said


@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
def test_an_install_far_from_npm_s_registry_says_how_to_build_it_later(
    checkout: Path, tmp_path: Path
) -> None:
    nowhere = {"npm_config_registry": "http://127.0.0.1:9", "npm_config_cache": str(tmp_path)}
    said = first(checkout / "page", **nowhere)
    assert said.count("\n") == 1
    assert "`make page` tries again and says why" in said
    assert not (checkout / "functions" / "page" / "built" / "index.html").exists()


def test_an_install_leaves_a_built_page_as_it_is(tmp_path: Path) -> None:
    page, built = tmp_path / "page", tmp_path / "functions" / "page" / "built" / "index.html"
    built.parent.mkdir(parents=True)
    built.write_text("built")
    page.mkdir()
    shutil.copy(ROOT / "page" / "first", page)
    assert first(page, PATH=os.path.dirname(str(shutil.which("sh")))) == ""
    assert built.read_text() == "built"
