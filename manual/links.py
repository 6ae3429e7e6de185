"""Checks a built site: `python -m manual.links FOLDER` names each link that leads nowhere.

Also each part of a page that a browser would fetch from another host.
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_FETCHED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src")}
_FETCHED_LINKS = {"stylesheet", "icon", "preconnect", "preload", "prefetch"}


class Link(NamedTuple):
    """What an attribute of a page names."""

    url: str
    fetched: bool
    """Whether a browser loads it with the page."""


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        for name in ("href", "src"):
            if name in given:
                link = tag == "link" and bool(_FETCHED_LINKS & {*given.get("rel", "").split()})
                self.links.append(Link(given[name], link or (tag, name) in _FETCHED))


def problems(site: Path) -> Iterator[str]:
    """A line for each link that leads nowhere, and for each part from another host."""
    pages = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            if fault := _fault(path, link, pages):
                yield f"{path.relative_to(site)}: {link.url} {fault}"


def _fault(path: Path, link: Link, pages: dict[Path, Page]) -> str | None:
    parts = urlsplit(link.url)
    if parts.scheme or parts.netloc:
        foreign = link.fetched and parts.scheme != "data"
        return "is fetched from another host" if foreign else None
    if parts.path.startswith("/"):
        return "begins at the root, where this site may not be"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return "does not exist"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "has no such anchor"
    return None


if __name__ == "__main__":
    site = Path(sys.argv[1]).resolve()
    if found := [*problems(site)]:
        sys.exit("\n".join(["make docs: the site has wrong links:", *found]))
