"""Halves of surrogate pairs: Python's text may have them, JSON in UTF-8 has not."""

from typing import Any


def replaced(text: str) -> str:
    """Return the text with ? for each half of a surrogate pair."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def refuse_half_pairs(*values: Any) -> None:
    """Raise `ValueError` if one of the values is a text with half of a surrogate pair."""
    for value in values:
        if isinstance(value, str) and replaced(value) != value:
            raise ValueError(f"{ascii(value)[:100]} has half of a surrogate pair: remove it")
