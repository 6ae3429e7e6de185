"""The page of the Python interface: signatures and docstrings of its public names."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, Never

from manual.reference.markdown import block, code, paragraphs

_HEAD = """# Python

The names that are public: they keep their meaning from one version to the next, or the
[changes](../../CHANGELOG.md) say so. `Json` is a dictionary as the [HTTP interface](http.md) has.

This page is generated from the code.
"""
CHAPTERS = {
    "Search a function": ("tunelet.tuning:tune", "tunelet.tuning:Tuned"),
    "Results": ("tunelet.client.results:Results", "tunelet.client.trial:Trial"),
    "Call a service": (
        "tunelet.client.client:Client",
        "tunelet.client.remote:Experiment",
        "tunelet.client.running:RunningTrial",
        "tunelet.client.artifacts:Artifacts",
    ),
    "Search spaces of other libraries": (
        "tunelet.interop:hyperparameters",
        "tunelet.interop:assemble",
        "tunelet.interop.hyperopt:fmin",
        "adapters.optuna.storage:TuneletStorage",
    ),
    "An algorithm of your own": (
        "tunelet.core.problem:Problem",
        "tunelet.core.problem:Suggestions",
        "tunelet.core.problem:Objective",
        "tunelet.core.problem:Constraint",
    ),
    "Errors": (
        "tunelet.errors:TuneletError",
        "tunelet.errors:Reject",
        "tunelet.errors:FieldError",
        "tunelet.errors:Forbidden",
        "tunelet.errors:Conflict",
        "tunelet.errors:NotFound",
        "tunelet.errors:Retry",
        "tunelet.errors:SearchFailed",
        "tunelet.errors:TrialPruned",
    ),
}
_IMPORTS = {
    "tunelet.tuning": "tunelet",
    "tunelet.client.client": "tunelet",
    "adapters.optuna.storage": "tunelet.interop.optuna",
}
_MODULE = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")


def page() -> str:
    """The page as Markdown."""
    return paragraphs(_HEAD, *_chapters())


def _chapters() -> Iterator[str]:
    for title, names in CHAPTERS.items():
        yield f"## {title}"
        for name in names:
            module, _, attribute = name.partition(":")
            yield from _object(
                attribute, getattr(importlib.import_module(module), attribute), module
            )


def _object(name: str, found: Any, module: str) -> Iterator[str]:
    yield f"### {name}"
    if module in _IMPORTS or module.startswith("tunelet.interop"):
        yield code(f"from {_IMPORTS.get(module, module)} import {name}")
    yield _signature(name, found)
    yield _documented(found)
    if inspect.isclass(found):
        for below, member in members(found):
            yield f"#### {name}.{below}"
            if not isinstance(member, property):
                yield _signature(below, member)
            yield _documented(member)


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that the class itself defines, in their order."""
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if isinstance(member, (classmethod, staticmethod)):
            yield name, member.__func__
        elif inspect.isfunction(member) or isinstance(member, property):
            yield name, member


def _signature(name: str, found: Callable[..., Any]) -> str:
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return ""
    # What is Never given is there for the error alone.
    kept = [
        each
        for each in signature.parameters.values()
        if each.name not in ("self", "cls") and each.annotation is not Never
    ]
    text = _MODULE.sub("", str(signature.replace(parameters=kept)))
    return code(f"{name}{text}") if kept or not inspect.isclass(found) else ""


def _documented(found: Any) -> str:
    """The docstring as Markdown: indented parts are code."""
    lines = (inspect.getdoc(found) or "").splitlines()
    parts = groupby(lines, _Indented())
    return paragraphs(*[block([*part]) if inside else _text(part) for inside, part in parts])


class _Indented:
    """Whether a line belongs to an indented part. An empty line belongs to the part before."""

    def __init__(self) -> None:
        self._inside = False

    def __call__(self, line: str) -> bool:
        self._inside = line.startswith("    ") if line.strip() else self._inside
        return self._inside


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines).replace("<", "&lt;").replace("*", "\\*")
