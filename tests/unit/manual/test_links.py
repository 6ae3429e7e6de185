"""The check of the built site finds each kind of wrong link."""

from pathlib import Path

import pytest

from manual.links import problems

PAGE = (
    '<h1 id="top">A</h1><a href="b/two.html#here">B</a><img src="a.svg"><a href="https://a.org/">'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "b" / "two.html").write_text('<h2 id="here">B</h2><a href="../index.html">A</a>')
    (tmp_path / "a.svg").write_text("<svg/>")
    return tmp_path


def test_a_site_without_wrong_links_has_no_problem(site: Path) -> None:
    assert [*problems(site)] == []


@pytest.mark.parametrize(
    ("markup", "problem"),
    [
        ('<a href="gone.html">', "gone.html does not exist"),
        ('<a href="b/two.html#gone">', "b/two.html#gone has no such anchor"),
        ('<a href="#gone">', "#gone has no such anchor"),
        ('<a href="/b/two.html">', "/b/two.html begins at the root"),
        ('<script src="https://a.org/x.js">', "https://a.org/x.js is fetched from another host"),
        ('<img src="//a.org/x.png">', "//a.org/x.png is fetched from another host"),
        ('<link rel="preconnect" href="https://a.org">', "https://a.org is fetched"),
    ],
)
def test_each_wrong_link_is_named_with_its_page(site: Path, markup: str, problem: str) -> None:
    (site / "index.html").write_text(PAGE + markup)
    (found,) = problems(site)
    assert found.startswith(f"index.html: {problem}")
