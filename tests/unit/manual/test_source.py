"""The source of the site has the documents, and pages for the files that they link to."""

import subprocess
from pathlib import Path

import pytest

from manual.build import configuration, navigation, unlinked
from manual.source import ROOT, Broken, Source, place, tracked
from tunelet.version import __version__

UNSEARCHED = "---\nsearch:\n  exclude: true\n---\n\n"
FILES = {
    "docs/index.md": "[A guide](guides/one.md#part), [a script](../code/run.py), [code](../code)\n",
    "docs/guides/one.md": "# One\n\n## Part\n\n```md\n[no link](nowhere.md)\n```\n",
    "docs/adr/README.md": "[Changes](../../CHANGES.md), [other](https://a.org)\n",
    "docs/picture.svg": "<svg/>\n",
    "CHANGES.md": "[A guide](docs/guides/one.md)\n",
    "code/run.py": "print(1)\n",
    "code/unlinked.txt": "text\n",
    "secret.txt": "not linked\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", root], check=True)
    return root


def written(checkout: Path) -> dict[str, str]:
    folder = checkout.parent / "source"
    return {name: (folder / name).read_text() for name in Source(folder, checkout).write()}


def test_links_between_documents_and_to_other_files_lead_to_pages_of_the_site(
    checkout: Path,
) -> None:
    pages = written(checkout)
    assert pages["index.md"] == (
        "[A guide](guides/one.md#part), [a script](files/code/run.py.md), [code](files/code.md)\n"
    )
    assert (
        pages["adr/index.md"]
        == f"{UNSEARCHED}[Changes](../files/CHANGES.md), [other](https://a.org)\n"
    )
    assert pages["files/CHANGES.md"] == "[A guide](../guides/one.md)\n"
    assert "````python\nprint(1)\n````" in pages["files/code/run.py.md"]
    assert "[run.py](code/run.py.md)" in pages["files/code.md"]
    assert pages["picture.svg"] == "<svg/>\n"


def test_a_page_has_the_first_screen_of_the_readme_with_its_links(checkout: Path) -> None:
    (checkout / "README.md").write_text(
        "# Title\n\nA sentence.\n\n![All](docs/picture.svg), [one](docs/guides/one.md#part)\n\n"
        "[Home](https://a.org)\n\n## Second\n\nMore\n"
    )
    page = checkout / "docs" / "guides" / "one.md"
    page.write_text("# One\n\n<!-- README.md: its first screen -->\n\n## Part\n")
    assert written(checkout)["guides/one.md"] == (
        "# One\n\n![All](../picture.svg), [one](one.md#part)\n\n[Home](https://a.org)\n\n## Part\n"
    )


def test_the_site_begins_with_a_picture_and_the_two_ways_to_search(tmp_path: Path) -> None:
    Source(tmp_path).write()
    begin = (tmp_path / "index.md").read_text().partition("\n## ")[0]
    shown = ("](pictures/page-", "](start/install.md)", "tunelet run", "tune(objective", "kill -9")
    assert [each for each in shown if each not in begin] == []


def test_a_text_in_a_code_block_is_no_link(checkout: Path) -> None:
    assert "[no link](nowhere.md)" in written(checkout)["guides/one.md"]


def test_a_file_without_a_link_to_it_is_not_on_the_site(checkout: Path) -> None:
    assert not any("secret" in name for name in written(checkout))


def test_a_link_to_an_absent_file_fails_and_names_both(checkout: Path) -> None:
    (checkout / "docs" / "broken.md").write_text("[gone](gone.md)\n")
    with pytest.raises(Broken, match=r"docs/broken\.md links to gone\.md"):
        written(checkout)


def test_a_search_finds_pages_for_users_only(checkout: Path) -> None:
    (checkout / "docs" / "mutants.md").write_text("# Mutants\n")
    (checkout / "docs" / "adr" / "0001-one.md").write_text("# One\n")
    (checkout / "docs" / "more.md").write_text("[All](../README.md), [more](../code/README.md)\n")
    for folder in ("", "code"):
        (checkout / folder / "README.md").write_text("# Tunelet\n")
    pages = {name: text for name, text in written(checkout).items() if name.endswith(".md")}
    searched = {name for name, text in pages.items() if not text.startswith(UNSEARCHED)}
    assert searched == {
        "index.md",
        "guides/one.md",
        "more.md",
        "files/CHANGES.md",
        "files/code/index.md",
    }


def test_a_readme_is_the_first_page_of_its_folder() -> None:
    assert place("examples/digits/README.md") == "files/examples/digits/index.md"


def test_the_configuration_has_the_version() -> None:
    shown = configuration('copyright = "VERSION"\n  { "One" = "one.md" },\n', ["one.md", "two.md"])
    assert f'copyright = "{__version__}"' in shown


def test_a_navigation_with_an_absent_page_fails_and_names_it() -> None:
    text = '  { "One" = "one.md" },\n  { "Two" = "guides/two.md" },\n'
    with pytest.raises(Broken, match=r"do not exist: guides/two\.md$"):
        configuration(text, ["one.md"])


LINK = """<li><a href="./{0}" class="md-nav__link"><span class="md-ellipsis">
  {1}
</span></a></li>"""


@pytest.mark.parametrize(
    ("shown", "lost"),
    [
        ([("one.html", "One&#39;s"), ("adr/index.html", "Two")], []),
        ([("one.html", "One&#39;s"), ("adr/index.html", "About")], ["Two"]),
        ([("one.html", "One&#39;s"), ("adr/other.html", "Two")], ["Two"]),
        ([], ["One's", "Two"]),
    ],
)
def test_a_title_that_the_navigation_does_not_link_is_found(
    shown: list[tuple[str, str]], lost: list[str]
) -> None:
    text = """  { "One's" = "one.md" },\n  { "About" = [\n    { "Two" = "adr/index.md" },\n"""
    assert unlinked(text, "".join(LINK.format(*each) for each in shown)) == lost


def test_every_page_is_in_the_navigation_once() -> None:
    documents = {name for name in tracked(ROOT) if name.startswith("docs/")}
    pages = {place(name) for name in documents if name.endswith(".md")}
    # The table of decisions leads to each.
    pages = {page for page in pages if not page.startswith("adr/0")}
    named = navigation((ROOT / "zensical.toml").read_text())
    assert pages - {*named} == set()
    assert len(named) == len({*named})
