"""Label selectors, in the form of kubectl: `team=vision,stage!=draft,owner,!old`."""

from collections.abc import Callable, Mapping

import click

Labels = Mapping[str, str]
Fits = Callable[[Labels], bool]


def selector(text: str) -> Fits:
    """Return whether labels meet all terms of the text. Raises `click.UsageError`."""
    terms = [_term(term.strip()) for term in text.split(",")]
    return lambda labels: all(fits(labels) for fits in terms)


def _term(term: str) -> Fits:
    for sign in ("!=", "==", "="):
        key, found, value = (part.strip() for part in term.partition(sign))
        if found and key:
            # As in kubectl, a label that is absent differs from every value.
            return _differs(key, value) if sign == "!=" else _equals(key, value)
    absent = term.startswith("!")
    key = term.removeprefix("!").strip()
    if not key or "=" in term:
        remedy = "give KEY=VALUE, KEY!=VALUE, KEY or !KEY, with commas between them"
        raise click.UsageError(f"{term!r} is not a term of a selector: {remedy}")
    return lambda labels: (key in labels) is not absent


def _equals(key: str, value: str) -> Fits:
    return lambda labels: labels.get(key) == value


def _differs(key: str, value: str) -> Fits:
    return lambda labels: labels.get(key) != value
