"""Markdown that the generated pages have in common."""

from collections.abc import Iterable, Sequence
from html import escape
from textwrap import dedent


def code(text: str) -> str:
    """Inline code; a text with backquotes gets a longer fence."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def block(lines: Sequence[str]) -> str:
    """A block of code that is only shown: the tests run fenced blocks."""
    return f"<pre><code>{escape(dedent(chr(10).join(lines)).strip(chr(10)))}</code></pre>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty without rows."""
    lines = [f"| {' | '.join(_cell(each) for each in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines]) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def paragraphs(*texts: str) -> str:
    """The non-empty texts, with empty lines between them."""
    return "\n\n".join(text.strip("\n") for text in texts if text.strip()) + "\n"
