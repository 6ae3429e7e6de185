"""The documents match the code, as far as a program can check it."""

import inspect
import json
import re
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path

import hyperopt
import optuna
import pytest

import algorithms
from algorithms.catalog.docs_tables import written
from algorithms.catalog.table import TABLE
from tunelet.request.models import request_schema
from tunelet.request.spec import parse

ROOT = Path(__file__).resolve().parents[3]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def documents() -> list[Path]:
    """Every Markdown file that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def anchors(document: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{document.name} links to {link}, which does not exist"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{document.name} links to {link}: no such heading"


def test_the_page_of_the_installation_has_every_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    page = (ROOT / "docs" / "start" / "install.md").read_text()
    assert [name for name in extras if f"`{name}`" not in page and f"[{name}]" not in page] == []


PLACE = re.compile(r"`((?:tunelet|functions|adapters|algorithms|infra|docs)/[\w/.-]*)`")


def test_every_place_that_the_architecture_names_exists() -> None:
    named = PLACE.findall((ROOT / "docs" / "concepts" / "architecture.md").read_text())
    assert len(named) > 40
    assert [place for place in named if not (ROOT / place).exists()] == []


def test_the_picture_of_the_layers_has_the_order_that_import_linter_checks() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contracts = [each for each in configured["contracts"] if each["type"] == "layers"]
    orders = [re.findall(r"\w+", " ".join(each["layers"])) for each in contracts]
    picture = (ROOT / "docs" / "pictures" / "layers.svg").read_text()
    rows: dict[str, list[str]] = {}
    for height, name in re.findall(r'<text x="[\d.]+" y="([\d.]+)">(\w+)</text>', picture):
        rows.setdefault(height, []).append(name)
    found = [
        (row, [name for name in order if name in row])
        for row in rows.values()
        for order in orders
        if len(row) > 1 and {*row} <= {*order}
    ]
    assert len(found) == 4, "functions, adapters and algorithms, tunelet, its command line"
    for row, order in found:
        assert row == order


def test_every_decision_is_in_the_table_of_decisions() -> None:
    folder = ROOT / "docs" / "adr"
    table = (folder / "README.md").read_text()
    for record in folder.glob("0*.md"):
        assert f"({record.name})" in table


def test_the_published_schema_is_the_one_that_requests_are_checked_against() -> None:
    published = json.loads((ROOT / "docs" / "reference" / "request.schema.json").read_text())
    assert published == request_schema(), "run make docs"


HEREDOC = re.compile(r"cat >\S+\.json <<'END'\n(.*?)\nEND\n", re.S)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_request_that_a_document_has_the_reader_write_is_accepted(document: Path) -> None:
    for request in HEREDOC.findall(document.read_text()):
        parse(json.loads(request), algorithms.load_catalog())


ALGORITHMS = (ROOT / "docs" / "reference" / "algorithms.md").read_text()


def test_the_tables_of_algorithms_match_the_catalog() -> None:
    assert written(ALGORITHMS) == ALGORITHMS, "run make docs"
    assert all(row.parallel is None for row in TABLE.values()), "some are limited: say which"


def named(names: Iterable[str]) -> set[str]:
    """The names that docs/reference/algorithms.md has, as supported or unsupported."""
    return {name for name in names if re.search(rf"\b{name}\b", ALGORITHMS)}


def test_each_part_of_optuna_and_hyperopt_is_there_or_the_reason_why_not() -> None:
    parts = {name for name in optuna.samplers.__all__ if name[0].isupper()}
    parts |= set(optuna.pruners.__all__)
    parts |= {
        f"hyperopt.{name}"
        for name, module in vars(hyperopt).items()
        if inspect.ismodule(module) and hasattr(module, "suggest")
    }
    assert "hyperopt.atpe" in parts
    assert named(parts) == parts


@pytest.mark.libraries
def test_each_part_of_ray_tune_is_there_or_the_reason_why_not() -> None:
    schedulers = pytest.importorskip("ray.tune.schedulers")
    search = pytest.importorskip("ray.tune.search")
    parts = {*schedulers.__all__, "PB2"}
    parts |= {name for name in search.__all__ if name[0].isupper() and not name.isupper()}
    folders = set(Path(search.__file__).parent.glob("*/*_search.py"))
    classes = {re.findall(r"^class (\w+)\(Searcher\)", one.read_text(), re.M)[0] for one in folders}
    assert "TuneBOHB" in classes
    assert named(parts | classes) == parts | classes


def test_every_document_that_help_errors_and_comments_name_exists() -> None:
    code = ["tunelet", "functions", "adapters", "algorithms", "infra", "pyproject.toml"]
    listed = subprocess.run(
        ["git", "grep", "--untracked", "-ohE", r"\bdocs/[a-z0-9_/.-]+\.(md|json)\b", "--", *code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    named = {*listed.stdout.split()}
    assert len(named) > 10
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
