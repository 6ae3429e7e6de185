"""The collector's image has just the modules that the collector imports."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CONTAINERFILE = ROOT / "infra/images/collector.Containerfile"
OURS = ("tunelet", "adapters", "functions", "algorithms")


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Every module that the collector imports, of ours and of others."""
    program = "import sys, adapters.collector.collect, adapters.collector.podlog"
    command = [sys.executable, "-c", f"{program}; print(*sys.modules)"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(listed.stdout.split())


def test_the_collector_imports_no_library_of_the_service(imported: set[str]) -> None:
    """One collector runs in every pod, so each import costs memory in every pod."""
    assert not {"pydantic", "kubernetes", "re2", "urllib3", "numpy"} & imported


def test_the_image_has_each_module_that_the_collector_imports(imported: set[str]) -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) /opt/", CONTAINERFILE.read_text(), re.M)
    sources = [ROOT / source for line in copied for source in line.split()]
    files = {str(ROOT / name.replace(".", "/")) for name in imported if name.startswith(OURS)}
    missing = {
        file
        for file in files
        if not any(
            source in (Path(f"{file}.py"), Path(file, "__init__.py"), Path(file))
            or source in Path(file).parents
            for source in sources
        )
    }
    assert missing == set()


def test_the_image_has_no_file_that_the_collector_does_not_import(imported: set[str]) -> None:
    lines = CONTAINERFILE.read_text().splitlines()
    files = [word for line in lines if line.startswith("COPY") for word in line.split()]
    modules = {f.removesuffix(".py").replace("/", ".") for f in files if re.match(r"t\S+\.py$", f)}
    assert modules <= {*imported, "tunelet.__init__", "tunelet.core.__init__"}
