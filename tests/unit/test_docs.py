"""The documents are true where a program can tell."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tunelet.request import request_schema

ROOT = Path(__file__).resolve().parents[2]
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


def test_every_decision_is_in_the_table_of_decisions() -> None:
    folder = ROOT / "docs" / "adr"
    table = (folder / "README.md").read_text()
    for record in folder.glob("0*.md"):
        assert f"({record.name})" in table


def test_the_published_schema_is_the_one_that_requests_are_checked_against() -> None:
    published = json.loads((ROOT / "docs" / "request.schema.json").read_text())
    assert published == request_schema(), "run make docs"
