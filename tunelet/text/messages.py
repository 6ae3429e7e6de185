"""How a refused value, a path and a near miss are shown in an error.

What comes out is short, valid UTF-8 and JSON, whatever went in: it travels in problem
documents, logs and terminals.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

LONGEST = 200
"""Characters of a value that an error repeats at most."""
MOST = 100
"""Errors that one answer lists at most. Looking for near misses takes time, so a check
that finds mistakes of one kind may stop here."""
_COMPARED = 50
"""Names with which an unknown one is compared. 500 took 20 ms, for each of `MOST` errors."""


def shortened(text: str, longest: int = LONGEST) -> str:
    """Text without lone surrogates and control characters, cut to `longest` characters."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    printable = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)
    return printable if len(printable) <= longest else printable[: longest - 1] + "…"


def brief(text: str, longest: int) -> str:
    """The text, or its beginning up to a part's or word's end, and "…"."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 2]
    part, word = kept.rfind("; "), kept.rfind(" ")
    if part >= longest // 2:
        return f"{kept[:part]}; …"
    return f"{kept[:word]} …" if word >= longest // 2 else f"{kept}…"


def shown(value: object) -> Any:
    """The value as an error repeats it: scalars as they are, containers only by their size."""
    match value:
        case None | bool():
            return value
        case str():
            return shortened(value)
        case int():
            return value if abs(value) < 2**63 else f"an integer of {value.bit_length()} bits"
        case float():
            return value if math.isfinite(value) else str(value)
        case dict():
            return f"an object of {counted(len(value), 'field')}"
        case list() | tuple():
            return f"a list of {counted(len(value), 'item')}"
        case _:
            return f"a {type(value).__name__}"


def quoted(value: object) -> str:
    """The value inside a sentence."""
    import json

    return json.dumps(shown(value), ensure_ascii=False)


def listed(values: Iterable[object], most: int = 10) -> str:
    """Values as an enumeration that does not grow without end."""
    from itertools import islice

    shown_ones = [quoted(value) for value in islice(values, most + 1)]
    return ", ".join(shown_ones[:most]) + (", …" if len(shown_ones) > most else "")


def path(segments: Sequence[object], prefix: str = "") -> str:
    """A field's path: `hyperparameters.lr.min`, `objectives[1].metric`."""
    text = prefix
    for segment in segments:
        if isinstance(segment, int) and not isinstance(segment, bool):
            text += f"[{segment}]"
        else:
            name = shortened(segment if isinstance(segment, str) else repr(shown(segment)), 64)
            text += f".{name}" if text else name
    return text


def near_miss(name: object, known: Iterable[str]) -> str:
    """A remedy for a name that is not known: the most similar one, or all there are."""
    names = list(known)
    return _similar(name, names) or (
        f"leave it out, or use one of {listed(names, 30)}" if names else "leave it out"
    )


def one_of(value: object, allowed: Iterable[str]) -> str:
    """A remedy for a value that is none of those allowed."""
    values = list(allowed)
    return _similar(value, values) or f"use one of {listed(values, 30)}"


def _similar(name: object, known: list[str]) -> str | None:
    import difflib

    if not isinstance(name, str):
        return None
    if len(known) > _COMPARED:
        known = [one for one in known if one[:1] == name[:1]][:_COMPARED]
    like = difflib.get_close_matches(name[:100], known, 1)
    return f"did you mean {quoted(like[0])}?" if like else None


def counted(count: int, noun: str) -> str:
    """The number and the noun, which gets an s unless it is one: 1 trial, 2 trials."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
