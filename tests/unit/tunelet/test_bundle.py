"""The service's packages are found, and found before any others of the same name."""

import subprocess
import sys
from pathlib import Path

import pytest

from tunelet import bundle
from tunelet.errors import NotFound

CHECKOUT = Path(__file__).resolve().parents[3]


def in_a_fresh_process(code: str, cwd: Path, path: Path) -> str:
    """Run `code` with `path` first on the path and the checkout last."""
    start = f"import sys; sys.path[:0] = [{str(path)!r}]; sys.path.append({str(CHECKOUT)!r});"
    ran = subprocess.run(
        [sys.executable, "-c", start + code], cwd=cwd, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def test_in_a_checkout_the_root_is_the_checkout() -> None:
    assert bundle.root() == CHECKOUT


def test_a_foreign_package_named_adapters_does_not_hide_ours(tmp_path: Path) -> None:
    foreign = tmp_path / "adapters"
    foreign.mkdir()
    (foreign / "__init__.py").write_text("")
    found = in_a_fresh_process(
        "from tunelet import bundle; bundle.activate(); import adapters; print(adapters.__file__)",
        cwd=tmp_path,
        path=tmp_path,
    )
    assert Path(found).is_relative_to(CHECKOUT)


def test_activating_twice_adds_one_entry_to_the_path(tmp_path: Path) -> None:
    found = in_a_fresh_process(
        "from tunelet import bundle; bundle.activate(); bundle.activate();"
        "print(sys.path.count(str(bundle.root())))",
        cwd=tmp_path,
        path=tmp_path,
    )
    assert found == "1"


def test_a_resource_is_found_by_its_path_in_the_checkout() -> None:
    assert bundle.resource("tunelet/bundle.py") == CHECKOUT / "tunelet" / "bundle.py"


def test_a_missing_resource_is_named() -> None:
    with pytest.raises(NotFound, match="infra/nothing is not part"):
        bundle.resource("infra/nothing")
