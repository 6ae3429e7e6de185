"""Compares a command's output with what a document shows."""

import re

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_DURATION = r"(?:\d+[dhm] )?\d+(?:\.\d+)?[dhms]\b"
_BARS = "[▁▂▃▄▅▆▇█]+"
_AGE = rf"(?:{_DURATION} ago|just now)"


def differs(shown: str, written: str, any_numbers: bool = False) -> str | None:
    """Why `written` is not what the document shows, or None.

    In `shown`, `…` is any text in a line, and a line of `…` is any number of lines. Blanks count
    as one, because columns have the width of their widest value. With `any_numbers` each number,
    each age and each small plot is any other one.
    """
    lines, rest = _lines(shown), _lines(written)
    if _match(lines, rest, any_numbers):
        return None
    return "the document shows\n{}\nand the output is\n{}".format("\n".join(lines), "\n".join(rest))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def _match(shown: list[str], written: list[str], any_numbers: bool) -> bool:
    """As a glob, line by line, with the shortest choice for a line of `…` first."""
    at, after, back = 0, 0, None
    while after < len(written):
        if at < len(shown) and shown[at].strip() == "…":
            at += 1
            back = (at, after)
        elif at < len(shown) and re.fullmatch(_pattern(shown[at], any_numbers), written[after]):
            at, after = at + 1, after + 1
        elif back:
            at, after = back[0], back[1] + 1
            back = (at, after)
        else:
            return False
    return all(line.strip() == "…" for line in shown[at:])


def _pattern(line: str, any_numbers: bool) -> str:
    parts = re.split(rf"({_AGE}|{_DURATION}|{_NUMBER}|{_BARS}|…|\s+)", line)
    return r"\s*" + "".join(_part(part, any_numbers) for part in parts if part) + r"\s*"


def _part(part: str, any_numbers: bool) -> str:
    if part == "…":
        return ".*?"
    if part.isspace():
        return r"\s+"
    kinds = (_AGE, _DURATION, _NUMBER, _BARS) if any_numbers else ()
    return next((kind for kind in kinds if re.fullmatch(kind, part)), re.escape(part))
