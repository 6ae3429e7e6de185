"""The code blocks of a document, with the directives before them.

A directive is an HTML comment on the lines before a block, so readers do not see it:

- `<!-- not run: reason -->`: the block is not run or compared, for this reason.
- `<!-- needs: THING -->`: the block runs only where the thing is, and in the suite that has it.
- `<!-- output of: COMMAND -->`: the block is the output of the last block with this command, not of
  the block before.
- `<!-- given: COMMANDS -->`: these run before the block, as if the reader had done so. A line with
  `tunelet up` starts the service.
- `<!-- fails -->`: the exit code of each command is not 0.
- `<!-- numbers differ -->`: in this output a number may be any other number.
- `<!-- at least one: WORD -->`: in this output the number before the word is 1 or more.
- `<!-- in a terminal -->`: the commands run in a terminal, so their output is as people see it.
- `<!-- diff of: OLD NEW -->`: the block is the difference of these files of the checkout.
- `<!-- without indentation -->`: in this difference lines with other blanks before them are equal.
- `<!-- part of: FIELD -->`: the JSON is a part of a request, either of `request` or of this field.
- `<!-- reads as: KIND -->`: the code parses the block as this kind of file.

`title="train.py"` after a block's language means that the reader saves the block as this file.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
DIRECTIVES = {
    "not run",
    "needs",
    "given",
    "fails",
    "at least one",
    "output of",
    "numbers differ",
    "in a terminal",
    "diff of",
    "without indentation",
    "part of",
    "reads as",
}
RUN = {"sh", "console", "python"}
_COMMENT = re.compile(r"<!-- (?P<name>[a-z ]+?)(?::\s(?P<value>.+?))?\s-->", re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')


class Block(NamedTuple):
    """A fenced code block."""

    place: str
    """The document and the number of the line, as in `README.md:12`."""
    language: str
    title: str | None
    text: str
    directives: dict[str, str]

    @property
    def skipped(self) -> bool:
        return "not run" in self.directives


def pages() -> list[str]:
    """The documents with code blocks: README, and every page below docs, by path."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "README.md", "docs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = [name for name in listed.stdout.splitlines() if name.endswith(".md")]
    return sorted(name for name in found if (ROOT / name).exists() and blocks(name))


def blocks(page: str) -> list[Block]:
    """The blocks of a page of the checkout, in their order."""
    return list(read((ROOT / page).read_text(), page))


def read(text: str, page: str) -> Iterator[Block]:
    """The blocks of a document.

    Raises AssertionError for an unknown directive, and for one without a block.
    """
    directives: dict[str, str] = {}
    place = page
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "html_block":
            directives |= _directives(token, page)
        elif token.type in {"fence", "code_block"}:
            place = f"{page}:{token.map[0] + 1 if token.map else 0}"
            language = token.info.split()[0] if token.info.strip() else ""
            title = _TITLE.search(token.info)
            yield Block(place, language, title and title[1], token.content, directives)
            directives = {}
        else:
            assert not directives, f"{page}: no code block follows {directives}"


def _directives(token: Token, page: str) -> dict[str, str]:
    found = {match["name"]: match["value"] or "" for match in _COMMENT.finditer(token.content)}
    # Generated tables have comments of their own.
    found = {name: value for name, value in found.items() if name not in {"begin", "end"}}
    assert found.keys() <= DIRECTIVES, f"{page}: unknown directive {found}"
    return found
