"""The documents are in plain, short, correctly spelled English; each rule finds its fault."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from manual.reference import PAGES
from tests.comments import of_python, of_typescript
from tests.prose import ALL, LONGEST, SPELLINGS, faults, passages, shown, spellings, words

ROOT = Path(__file__).parents[3]
# Written by programs, from names of tests and faults, and from docstrings of Optuna.
NAMES = {"docs/mutants.md", "docs/reference/python.md"}
# Likewise, from our own schemas and help: names of commands and fields are no terms.
GENERATED = {*PAGES}
SPELLED = ["*.md", "tunelet/*.py", "functions/*.py", "adapters/*.py", "algorithms/*.py"]
SPELLED += ["benchmarks/*.py", "manual", "examples", "infra", "page/src", "page/*.mjs"]
SPELLED += ["docs", "*.toml", "Makefile", ".ci"]
PICTURES = (".svg", ".webp")


CODE = (".py", ".ts", ".tsx")
HERE = "tests/unit/tests/test_prose.py"  # it has the words
AMERICAN = re.compile("|".join(SPELLINGS), re.I)


def tracked(*patterns: str) -> list[str]:
    """The files that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def found(markdown: str) -> list[str]:
    return [fault.found for fault in faults(markdown)]


def codespell(*options: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("codespell")
    return subprocess.run(
        [program, "--toml", ROOT / "pyproject.toml", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", sorted({*tracked("*.md")} - NAMES))
def test_a_document_follows_the_rules_of_prose(name: str) -> None:
    assert shown(ROOT / name, [words] if name in GENERATED else ALL) == []


def test_documents_and_code_are_spelled_correctly() -> None:
    files = [name for name in tracked(*SPELLED) if not name.endswith(PICTURES)]
    assert {"Makefile", "manual/links.py", "infra/images/build"} <= {*files}
    checked = codespell(*files)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def misspelled(name: str, source: str) -> list[str]:
    """The American spellings in comments, docstrings and messages of a file."""
    if not AMERICAN.search(source):
        return []
    read = of_python if name.endswith(".py") else of_typescript
    return [f"{name}:{fault}" for passage in read(source) for fault in spellings(passage)]


def test_comments_and_messages_have_the_spelling_of_the_documents() -> None:
    code = [name for name in tracked(*SPELLED, "tests/*.py") if name.endswith(CODE)]
    code.remove(HERE)
    assert len(code) > 500
    assert [each for name in code for each in misspelled(name, (ROOT / name).read_text())] == []


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("a.py", '"""The color of a state."""', ["color"]),
        ("a.py", "def f():\n    x = 1  # modeled by TPE", ["modeled"]),
        ("a.py", 'click.echo("the trial was canceled")', ["canceled"]),
        ("a.py", 'f"the search optimises it over {what}"', ["optimises"]),
        ("a.py", "color = behavior(center)", []),
        ("a.py", 'STYLE = "svg{color:#1b1f27}"', []),
        ("a.ts", "// One line, colored by rank", ["colored"]),
        ("a.ts", "const color = 1; /* its behavior */", ["behavior"]),
        ("a.ts", 'context.textAlign = "center";', []),
        ("a.py", "# exercise, otherwise, likewise, precise, advise, raise, promise, comprise", []),
    ],
)
def test_an_american_spelling_is_found_in_prose_inside_of_code(
    name: str, source: str, found: list[str]
) -> None:
    shown_words = [each.split("'")[1] for each in misspelled(name, source)]
    assert shown_words == found


def test_a_misspelled_word_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("An experiment has a langauge.")  # codespell:ignore
    checked = codespell("page.md", folder=tmp_path)
    assert "langauge ==> language" in checked.stdout  # codespell:ignore
    assert checked.returncode


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("It stores what is missing.", "what is"),
        ("Whoever calls is refused.", "Whoever"),
        ("A trial whose run has ended.", "whose"),
        ("The reason stands in the body.", "stands"),
        ("The trial was told its value.", "told"),
        ("The search goes on.", "goes on"),
        ("It leaves no run behind.", "behind"),
        ("So many trials failed.", "So many"),
        ("Use it in order to search.", "in order to"),
        ("A hyper-parameter has a type.", "hyper-parameter"),
        ("The request had a timeout.", "timeout"),
        ("The colors of the page.", "colors"),
        ("It minimises the loss.", "minimises"),
        ("| field | a time stamp |", "time stamp"),
        ("1. an item:\n\n   | a table | of hyper-parameters |", "hyper-parameters"),
        ("- an item\n    - with an end-point inside", "end-point"),
    ],
)
def test_a_word_to_avoid_is_found(text: str, word: str) -> None:
    assert found(text) == [word]


@pytest.mark.parametrize(
    "text",
    [
        "A service behind a proxy. It is reached at a URL.",
        "The field `timeout` is a number of seconds.",
        "```\nwhat is told\n```",
        "Text\n\n    whoever = 1\n",
        "[The list](https://example.org/what-is-told/timeout)",
        "<!-- nobody sees\nthis, whoever reads -->",
        "What is missing?",
    ],
)
def test_other_words_and_code_are_allowed(text: str) -> None:
    assert found(text) == []


def test_a_long_sentence_is_found_and_two_short_ones_are_not() -> None:
    half = " ".join(["word"] * LONGEST)
    assert found(f"{half}.\n{half}.") == []
    assert len(found(f"{half}\nmore.")) == 1


def test_phrases_in_a_cell_of_a_table_are_counted_one_by_one() -> None:
    half = " ".join(["word"] * LONGEST)
    assert found(f"| {half}; {half} |") == []
    assert len(found(f"{half}; {half}")) == 1


def test_a_heading_has_small_letters_except_in_names() -> None:
    assert found("## Several Objectives") == ["Objectives"]
    assert found("## Trials on Kubernetes, and the API") == []


def test_a_fault_names_its_line() -> None:
    shown_at = [(each.line, each.text) for each in passages("# One\n\ntwo\nthree\n\n- four\n")]
    assert shown_at == [(1, "One"), (3, "two three"), (6, "four")]
    assert str(faults("# One\n\nHe was told.")[0]).startswith("3: 'told'")
