"""Hyperparameters on the command line: --float, --int and --choice.

--float lr=1e-4:0.1:log      from 1e-4 to 0.1, on a logarithmic scale
--float momentum=0:1:0.1     from 0 to 1 in steps of 0.1
--int layers=1:8             1 to 8
--choice optimizer=sgd,adam  one of these
"""

from collections.abc import Callable
from typing import Any

import click

from tunelet.cli.collected import Collected
from tunelet.cli.request import value

Json = dict[str, Any]

_FORM = "NAME=MIN:MAX[:log][:STEP]"


def space_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --float, --int and --choice; `space` parses their values."""
    for name, metavar, help_ in (
        ("choice", "NAME=A,B,…", "One of these values. Repeatable."),
        ("int", "NAME=MIN:MAX", "An integer from MIN to MAX; add :log or :STEP. Repeatable."),
        ("float", "NAME=MIN:MAX", "A real number from MIN to MAX; add :log or :STEP. Repeatable."),
    ):
        option = click.option(f"--{name}", f"{name}s", multiple=True, metavar=metavar, help=help_)
        command = option(command)
    return command


def space(
    floats: tuple[str, ...], ints: tuple[str, ...], choices: tuple[str, ...]
) -> dict[str, Json]:
    """The search space of these options. Raises `click.UsageError` for malformed ones."""
    flags = [
        *(("float", each) for each in floats),
        *(("int", each) for each in ints),
        *(("choice", each) for each in choices),
    ]
    faults, found = Collected(), dict[str, Json]()
    for kind, text in flags:
        with faults.noted():
            name, form = _choice(text) if kind == "choice" else _range(text, kind)
            if name in found:
                raise click.UsageError(f"--{kind} {text}: {name} is given twice")
            found[name] = form
    faults.check()
    return found


def _range(text: str, kind: str) -> tuple[str, Json]:
    name, low, *more = _named(text, kind, _FORM)
    form: Json = {"type": kind, "min": _number(text, kind, low)}
    if not more:
        raise _malformed(text, kind, _FORM)
    form["max"] = _number(text, kind, more[0])
    if form["max"] <= form["min"]:
        remedy = "write the smaller one first"
        if form["max"] == form["min"]:
            remedy = f"--choice {name}={low} fixes it"
        raise click.UsageError(f"--{kind} {text}: {low} is not below {more[0]}; {remedy}")
    for each in more[1:]:
        key, found = ("log", True) if each == "log" else ("step", _number(text, kind, each))
        if key in form:
            raise _malformed(text, kind, _FORM)
        form[key] = found
    return name, form


def _choice(text: str) -> tuple[str, Json]:
    form = "NAME=A,B,…"
    name, sign, listed = text.partition("=")
    if not name or not sign or not listed:
        raise _malformed(text, "choice", form)
    return name, {"type": "categorical", "choices": [value(each) for each in listed.split(",")]}


def _named(text: str, kind: str, form: str) -> list[str]:
    name, sign, rest = text.partition("=")
    if not name or not sign or not rest:
        raise _malformed(text, kind, form)
    return [name, *rest.split(":")]


def _number(text: str, kind: str, word: str) -> float | int:
    found = value(word)
    if isinstance(found, bool) or not isinstance(found, int if kind == "int" else int | float):
        what = "a whole number" if kind == "int" else "a number"
        raise click.UsageError(f"--{kind} {text}: {word!r} is not {what}; write {_FORM}")
    return found


def _malformed(text: str, kind: str, form: str) -> click.UsageError:
    return click.UsageError(f"--{kind} wants {form}, not {text!r}")
