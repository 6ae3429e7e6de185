"""docs: the documents of the installed version, which help and errors name."""

import difflib
import os
import posixpath
import re
import sys
from pathlib import Path

import click

from tunelet import bundle
from tunelet.cli.table import lines, width
from tunelet.client.report import Rows
from tunelet.errors import NotFound

_FIRST = ("index", "start/install", "start/script", "start/function", "start/cluster")
_FOR_DEVELOPERS = ("adr/", "mutants")
_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LONGEST_LINE = 100


@click.command("docs")
@click.argument("page", required=False)
def docs_command(page: str | None) -> None:
    """Read the documents of this version.

    Without PAGE, list them. To a file or a program a page goes as Markdown.

    \b
    Examples:
      tunelet docs
      tunelet docs operations/identity
      tunelet docs reference/request | grep -n early_stopping
    """
    folder = bundle.resource("docs")
    known = _pages(folder)
    if page is None:
        rows = tuple((name, _title(path)) for name, path in known.items())
        click.echo("\n".join(lines(Rows(("PAGE", "TITLE"), rows), width())))
        return
    name = _named(page, [*known])
    text = _COMMENT.sub("", known[name].read_text(encoding="utf-8"))
    text = _with_links_to_pages(text, name, [*known])
    columns = width()
    if columns is None:
        click.echo(text, nl=False)
    else:
        # None: in colour where the pager can show it.
        plain = bool(os.environ.get("NO_COLOR"))
        click.echo_via_pager(_drawn(text, columns), color=False if plain else None)


def _pages(folder: Path) -> dict[str, Path]:
    """The pages by name: those of the wheel, in a checkout too."""
    paths = {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.md")
    }
    found = {name: path for name, path in paths.items() if not name.startswith(_FOR_DEVELOPERS)}
    first = [name for name in _FIRST if name in found]
    return {name: found[name] for name in [*first, *sorted(found.keys() - {*first})]}


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as page:
        return next((line[2:].strip() for line in page if line.startswith("# ")), "")


def _named(page: str, known: list[str]) -> str:
    """The page's name; its last part is enough if no other page has it. Raises `NotFound`."""
    wanted = page.removeprefix("docs/").partition("#")[0].removesuffix(".md")
    if wanted in known:
        return wanted
    parts = [name for name in known if name.rpartition("/")[2] == wanted]
    if len(parts) == 1:
        return parts[0]
    short = {name.rpartition("/")[2]: name for name in known}
    near = [short.get(each, each) for each in difflib.get_close_matches(wanted, [*known, *short])]
    meant = parts or [*dict.fromkeys(near)]
    remedy = f"did you mean {' or '.join(meant)}?" if meant else "'tunelet docs' lists them"
    raise NotFound(f"There is no page {page}: {remedy}")


def _with_links_to_pages(text: str, page: str, known: list[str]) -> str:
    """The text with names of pages as targets of its links, and paths in the repository for others.

    Pictures and links inside the page keep their text only.
    """

    def replaced(match: re.Match[str]) -> str:
        picture, shown, link = match.groups()
        if "://" in link:
            return match[0]
        if picture or link.startswith("#"):
            return "" if picture else shown
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
        path, _, heading = target.partition("#")
        name = path.removeprefix("docs/").removesuffix(".md")
        place = f"{name}#{heading}" if heading else name
        return f"[{shown}]({place if name in known else target})"

    parts = _FENCED.split(text)
    return "".join(
        part if part.lstrip().startswith("```") else _LINK.sub(replaced, part) for part in parts
    )


def _drawn(text: str, columns: int) -> str:
    """The text for a terminal, with colours."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(columns, _LONGEST_LINE), force_terminal=True, file=sys.stdout)
    with console.capture() as drawn:
        console.print(Markdown(text, hyperlinks=False))
    return drawn.get()
