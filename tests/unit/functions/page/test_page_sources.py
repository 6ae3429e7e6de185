"""The page's TypeScript is sound, its parts do what their tests say, and it stays small."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[4] / "page"
MOST_BYTES = 150_000

pytestmark = pytest.mark.xdist_group("page")


@pytest.fixture(scope="module")
def packages() -> None:
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("needs node and npm, which build the page")
    # esbuild's program is an optional package, which npm leaves out if its download fails.
    for _ in range(2):
        if not builds():
            install = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
            subprocess.run(install, cwd=PAGE, check=True)
    assert builds(), "npm ci did not install esbuild's program"


def builds() -> bool:
    esbuild = PAGE / "node_modules" / ".bin" / "esbuild"
    if not esbuild.exists():
        return False
    ran = subprocess.run([esbuild, "--version"], capture_output=True, check=False)
    return ran.returncode == 0


def run(*command: str) -> str:
    ran = subprocess.run(command, cwd=PAGE, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.usefixtures("packages")
def test_the_types_are_right() -> None:
    run("npx", "--no-install", "tsc", "--noEmit")


@pytest.mark.usefixtures("packages")
def test_the_pure_parts_pass_their_own_tests() -> None:
    assert "# fail 0" in run("node", "test.mjs")


@pytest.mark.usefixtures("packages")
def test_the_page_is_small_and_its_paths_are_relative(tmp_path: Path) -> None:
    said = run("node", "build.mjs", str(tmp_path))
    found = re.search(r"(\d+) bytes compressed", said)
    assert found is not None
    assert int(found[1]) <= MOST_BYTES
    document = (tmp_path / "index.html").read_text()
    paths = re.findall(r'(?:src|href)="([^"]+)"', document)
    assert paths
    assert not [path for path in paths if path.startswith(("/", "http"))]
    assert not re.search(r"<script>|<style|style=| on\w+=", document)


def sources(folder: Path) -> Path:
    """Copy what a build reads, to break it."""
    copy = folder / "page"
    kept = shutil.ignore_patterns("node_modules", ".tests-*")
    shutil.copytree(PAGE, copy, ignore=kept)
    (copy / "node_modules").symlink_to(PAGE / "node_modules", target_is_directory=True)
    return copy


@pytest.mark.usefixtures("packages")
def test_a_build_that_fails_leaves_the_page_as_it_was(tmp_path: Path) -> None:
    built = tmp_path / "built"
    run("node", "build.mjs", str(built))
    before = {path: path.read_bytes() for path in built.rglob("*.*")}
    broken = sources(tmp_path)
    (broken / "src" / "main.tsx").write_text("this is no TypeScript")
    command = ["node", "build.mjs", str(built)]
    ran = subprocess.run(command, cwd=broken, capture_output=True, check=False)
    assert ran.returncode != 0
    assert {path: path.read_bytes() for path in built.rglob("*.*")} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["built", "page"]


@pytest.mark.usefixtures("packages")
def test_builds_at_the_same_time_leave_one_whole_page(tmp_path: Path) -> None:
    """Of different sources: a file of the one beside a document of the other would be missed."""
    built, other = tmp_path / "built", sources(tmp_path)
    (other / "src" / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    command = ["node", "build.mjs", str(built)]
    running = [subprocess.Popen(command, cwd=each) for each in (PAGE, other) * 2]
    assert [each.wait() for each in running] == [0] * 4
    assets = {path.name for path in (built / "assets").iterdir()}
    named = set(re.findall(r'"assets/([^"]+)"', (built / "index.html").read_text()))
    assert named <= assets
    assert len([name for name in assets if name.startswith("icon-")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["built", "page"]


def test_the_lock_file_names_no_host() -> None:
    assert '"resolved"' not in (PAGE / "package-lock.json").read_text()
