"""Breaks long texts between words where a terminal would break them inside a word.

What goes to a file or a program is not broken.
"""

import unicodedata
from collections.abc import Sequence
from typing import TextIO

import click

_INDENT = "    "
_BREAK = " \\"


def columns(stream: TextIO) -> int | None:
    """The columns of the terminal that `stream` writes to; None if it is no terminal."""
    if not stream.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def columns_of(text: str) -> int:
    """How many columns of a terminal the text takes, without its colours."""
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in (click.unstyle(text) if "\x1b" in text else text)
    )


def prose(text: str, most: int | None, taken: int = 0, indent: str = "") -> str:
    """The text in lines of at most `most` columns; `taken` of the first are used already.

    A word that is longer than a line stays whole, so that it can be copied.
    """
    if most is None or taken + columns_of(text) <= most:
        return text
    lines, line, room = [], "", most - taken
    for word in text.split(" "):
        if line and columns_of(line) + 1 + columns_of(word) > room:
            lines.append(line)
            line, room = word, most - columns_of(indent)
        else:
            line = f"{line} {word}" if line else word
    return f"\n{indent}".join([*lines, line])


def command(words: Sequence[str], most: int | None, taken: int = 0) -> str:
    """The command line, in lines that a shell takes as one if it is longer than `most` columns."""
    import shlex

    whole = shlex.join(words)
    if most is None or taken + columns_of(whole) <= most:
        return whole
    lines: list[str] = []
    for word in map(shlex.quote, words):
        longer = f"{lines[-1]} {word}" if lines else ""
        if longer and columns_of(_INDENT + longer + _BREAK) <= most:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n" + "\n".join(_INDENT + line + _BREAK for line in lines)[: -len(_BREAK)]


def introduced(text: str, words: Sequence[str], most: int | None, taken: int = 0) -> str:
    """The text and after it the command line, which begins on a line of its own if it is long."""
    lines = command(words, most, taken + columns_of(text) + 1)
    return f"{text}{lines}" if lines.startswith("\n") else f"{text} {lines}"
