"""The built wheel, in empty environments far from the checkout, is all that a user needs."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("wheel")

CHECKOUT = Path(__file__).resolve().parents[2]
REQUEST = {
    "name": "far-away",
    "model_training_code": "shell",
    "hyperparameters": {"rate": {"type": "float", "min": 0.1, "max": 1.0}},
    "hpo_algorithm": "random_search",
    "max_trials": 4,
    "parallel_trials": 2,
}
PAGE = re.compile(r"'tunelet docs\s+(?:\"\s+\")?([a-z_/]+)'")
TRAIN = 'for last in "$@"; do :; done; echo "objective=${last#*=}"\n'


def without_python_settings() -> dict[str, str]:
    """The environment without variables that lead Python back to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(command: list[str | Path], cwd: Path, timeout: float = 300) -> str:
    """The standard output of a command that must succeed."""
    ran = subprocess.run(
        command,
        cwd=cwd,
        env=without_python_settings(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert ran.returncode == 0, f"{command} exited with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], CHECKOUT)
    (built,) = folder.glob("*.whl")
    return built


def metadata(folder: Path, repository: str) -> str:
    """The metadata of a wheel that is built for a repository at this address."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    env = without_python_settings() | {"TUNELET_REPOSITORY": repository}
    subprocess.run(build, cwd=CHECKOUT, env=env, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as built:
        (name,) = (each for each in built.namelist() if each.endswith(".dist-info/METADATA"))
        return built.read(name).decode()


def test_every_link_of_the_metadata_leads_to_a_file_of_the_repositorys_tag(tmp_path: Path) -> None:
    repository = "https://host.example/owner/tunelet"
    written = metadata(tmp_path, repository)
    assert f"Project-URL: Repository, {repository}\n" in written
    links = re.findall(r"\]\(([^)\s]+)\)|^Project-URL: \w+, (\S+)$", written, re.MULTILINE)
    ours = {link for pair in links for link in pair if link and not link.startswith("#")}
    files = re.compile(rf"{repository}/(?:blob|raw)/v[\d.]+/([^#]+)")
    found = {link: files.match(link) for link in ours if link != repository}
    relative = [link for link, match in found.items() if match is None and "://" not in link]
    assert relative == []
    named = [match[1] for match in found.values() if match]
    assert len(named) > 40
    assert [name for name in named if not (CHECKOUT / name).exists()] == []


def test_without_a_repository_no_link_of_the_metadata_is_relative(tmp_path: Path) -> None:
    written = metadata(tmp_path, "")
    assert "Project-URL" not in written
    assert re.findall(r"\]\((?!https?://|#)[^)]*\)", written) == []


def environment(wheel: Path, extra: str, folder: Path) -> Path:
    """The `bin` of a new environment with the wheel, its extra and the locked dependencies."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv, "make install puts uv beside python"
    run([uv, "venv", "--quiet", "--python", sys.executable, folder / "env"], folder)
    python = folder / "env" / "bin" / "python"
    lock = CHECKOUT / "requirements" / "dev.txt"
    install: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--constraint",
        lock,
    ]
    run([*install, f"tunelet{extra} @ {wheel.as_uri()}"], folder)
    return python.parent


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(wheel, "", tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def full(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(wheel, "[up]", tmp_path_factory.mktemp("full"))


def test_the_wheel_adds_no_top_level_name_but_tunelet(wheel: Path) -> None:
    if (CHECKOUT / "functions" / "page" / "built" / "index.html").exists():
        assert (
            "tunelet/_bundle/functions/page/built/index.html" in zipfile.ZipFile(wheel).namelist()
        )
    names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"tunelet"}


def test_the_wheel_carries_the_functions_the_adapters_and_the_manifests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in ("functions/main.py", "adapters/__init__.py", "algorithms/__init__.py"):
        assert f"tunelet/_bundle/{needed}" in names
    manifests = {name for name in names if name.startswith("tunelet/_bundle/infra/knative/base/")}
    assert any("trigger" in name for name in manifests)


def test_every_module_of_the_command_line_imports_without_extras(
    bare: Path, tmp_path: Path
) -> None:
    code = (
        "import importlib, pkgutil, tunelet.client, tunelet.cli as cli\n"
        "for module in pkgutil.iter_modules(cli.__path__, 'tunelet.cli.'):\n"
        "    importlib.import_module(module.name)"
    )
    run([bare / "python", "-c", code], tmp_path)
    assert "submit" in run([bare / "tunelet", "--help"], tmp_path)


def test_the_bare_wheel_has_few_dependencies(bare: Path, tmp_path: Path) -> None:
    listing = "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"
    installed = {name.lower() for name in run([bare / "python", "-c", listing], tmp_path).split()}
    assert len(installed) <= 16
    assert not installed & {"numpy", "optuna", "flask", "kubernetes", "boto3"}


def test_the_bare_wheel_shows_each_page_that_its_help_and_errors_name(
    bare: Path, tmp_path: Path
) -> None:
    installed = run([bare / "python", "-c", "import tunelet; print(tunelet.__path__[0])"], tmp_path)
    code = Path(installed.strip()).rglob("*.py")
    named = {name for file in code for name in PAGE.findall(file.read_text())}
    assert {"operations/identity", "operations/tenants", "guides/kubernetes"} <= named
    for name in named:
        assert run([bare / "tunelet", "docs", name], tmp_path).startswith("# ")
    listed = run([bare / "tunelet", "docs"], tmp_path)
    assert "reference/request" in listed
    assert "adr/" not in listed


def test_the_source_distribution_builds_a_wheel_with_the_documents(tmp_path: Path) -> None:
    run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path], CHECKOUT)
    (packed,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(packed, tmp_path, filter="data")
    source = tmp_path / packed.name.removesuffix(".tar.gz")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], source)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert "tunelet/_bundle/docs/operations/identity.md" in names


def test_up_without_its_extra_names_the_extra_to_install(bare: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [bare / "tunelet", "up"],
        cwd=tmp_path,
        env=without_python_settings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "tunelet[up]" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def service(full: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a service that runs from the installed wheel, with a shell script aliased."""
    (tmp_path / "train.sh").write_text(TRAIN)
    log = tmp_path / "up.log"
    command: list[str | Path] = [full / "tunelet", "up", "--port", "0", "--data", tmp_path / "data"]
    command += ["--alias", f"shell=sh {tmp_path / 'train.sh'}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=without_python_settings(), stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"serves (http://\S+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield found[1]
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_the_bare_client_runs_an_experiment_on_the_installed_service(
    bare: Path, service: str, tmp_path: Path
) -> None:
    (tmp_path / "request.json").write_text(json.dumps(REQUEST))
    tunelet: list[str | Path] = ["env", f"TUNELET_URL={service}", bare / "tunelet"]
    run([*tunelet, "submit", tmp_path / "request.json"], tmp_path)
    run([*tunelet, "watch", "far-away"], tmp_path, timeout=120)
    best = json.loads(run([*tunelet, "best", "far-away", "--json"], tmp_path))["best"]
    trials = json.loads(run([*tunelet, "trials", "far-away", "--json"], tmp_path))["trials"]
    assert [trial["state"] for trial in trials] == ["COMPLETE"] * 4
    objectives = {
        trial["hyperparameters"]["rate"]: trial["values"]["objective"] for trial in trials
    }
    assert objectives == {rate: pytest.approx(rate) for rate in objectives}
    assert min(objectives.values()) == pytest.approx(best["values"]["objective"])
