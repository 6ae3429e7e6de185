"""The prose inside of code: comments, docstrings and messages."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tests.prose import Passage, plain

_TYPESCRIPT = re.compile(r"(?:^|\s)(?://|/?\*\*?)\s(.*)")
# A text with four words is a sentence, and no pattern or style sheet.
_SENTENCE = re.compile(r"[\w',;-]+(?: [\w',;-]+){3}")


def of_python(source: str) -> Iterator[Passage]:
    """Yield comments, and docstrings and other texts that have a sentence."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Passage(token.start[0], plain(token.string.lstrip("# ")))
    for node in ast.walk(ast.parse(source)):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and _SENTENCE.search(text):
            yield Passage(node.lineno, plain(text))


def of_typescript(source: str) -> Iterator[Passage]:
    for number, line in enumerate(source.splitlines(), start=1):
        if found := _TYPESCRIPT.search(line):
            yield Passage(number, plain(found[1]))
