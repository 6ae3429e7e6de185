"""`tunelet docs` shows the pages that help and errors name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tunelet.cli import cli, docs, main

ROOT = Path(__file__).resolve().parents[4]
SHIPPED = ("tunelet", "functions", "adapters", "algorithms")
NAMED = re.compile(r"'tunelet docs ([^'\s]+)'")


def helps(command: click.Command, above: click.Context | None = None) -> Iterator[str]:
    """The help of a command and of all below it, each in one line."""
    # A command keeps the names of its help option, which are the settings of the first context.
    here = click.Context(command, above, info_name=command.name, **command.context_settings)
    yield " ".join(command.get_help(here).split())
    if isinstance(command, click.Group):
        for name in command.list_commands(here):
            found = command.get_command(here, name)
            assert found is not None
            yield from helps(found, here)


def messages() -> Iterator[str]:
    """Every text in the code of the wheel except its docstrings."""
    for file in (path for package in SHIPPED for path in (ROOT / package).rglob("*.py")):
        tree = ast.parse(file.read_text())
        alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node not in alone and isinstance(node.value, str):
                yield node.value


def test_help_and_errors_name_pages_that_the_wheel_has() -> None:
    known = docs._pages(ROOT / "docs")
    texts = [*helps(cli), *messages()]
    named = {name for text in texts for name in NAMED.findall(text)}
    assert {"operations/identity", "operations/tenants", "guides/kubernetes"} <= named
    assert named - known.keys() == set()


def test_help_and_errors_name_no_file_of_the_checkout() -> None:
    file = re.compile(r"\b(?:docs|examples|infra)/[\w/]+\.(?:md|py|json)\b")
    generated = {"docs/reference/algorithms.md"}  # by `python -m algorithms.catalog.docs_tables`
    found = {name for text in [*helps(cli), *messages()] for name in file.findall(text)}
    assert found - generated == set()


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["docs", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_begins_with_the_first_pages_and_has_those_for_users() -> None:
    lines = shown().splitlines()
    assert lines[0].split() == ["PAGE", "TITLE"]
    assert lines[1].split()[0] == "index"
    assert [line.split()[0] for line in lines[2:4]] == ["start/install", "start/script"]
    assert "adr/" not in shown()
    assert all(len(line.split()) > 1 for line in lines), "each page has a title"


@pytest.mark.parametrize(
    "name", ["operations/identity", "identity", "docs/operations/identity.md", "identity#rights"]
)
def test_a_page_is_found_by_its_path_and_by_its_last_part(name: str) -> None:
    assert shown(name).startswith("# Identity and authorization\n")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("identitie", "did you mean operations/identity?"),
        ("optuna", "did you mean coming_from/optuna or guides/optuna?"),
        ("42", "'tunelet docs' lists them"),
    ],
)
def test_an_unknown_page_is_answered_with_those_that_are_meant(
    name: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["docs", name]) == 3
    assert remedy in capsys.readouterr().err


def test_links_name_pages_to_read_next_and_comments_are_left_out() -> None:
    page = shown("guides/own_algorithm")
    assert "(examples/plugin/README.md)" in page, "a file of the repository has its path there"
    assert "<!--" not in page
    assert "operations/identity)" in shown("security") or "operations/identity#" in shown(
        "security"
    )
    text = "![p](a.webp) [x](../a/b.md#c) [y](#z)\n```md\n[k](../a/b.md)\n```\n"
    read = docs._with_links_to_pages(text, "guides/one", ["a/b"])
    assert read == " [x](a/b#c) y\n```md\n[k](../a/b.md)\n```\n"


def test_a_terminal_shows_a_page_without_marks_of_markdown() -> None:
    drawn = click.unstyle(docs._drawn("# Title\n\nSome **bold** [text](a/b).\n\n- one\n", 60))
    assert "Some bold text (a/b)." in drawn
    assert "**" not in drawn
