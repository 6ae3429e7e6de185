"""A request from a file, standard input and options.

JSON is read as strictly as the service reads it, YAML by `tunelet.cli.yaml_core`.
"""

import sys
from pathlib import Path
from typing import Any

import click

from tunelet.text.strict_json import Malformed, NotJson, decode

Json = dict[str, Any]


def read(source: str | None) -> Json:
    """The request in a file, or on standard input for "-"; {} for None."""
    if source is None:
        return {}
    text, shown = content(source)
    request = parse(text, shown)
    if not isinstance(request, dict):
        raise click.ClickException(f"{shown} is not a request: a request is an object with fields")
    return request


def content(source: str) -> tuple[str, str]:
    """The text of a file, or of standard input for "-", and its name in errors."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except OSError as fault:
        raise click.ClickException(f"cannot read {source}: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise click.ClickException(f"cannot read {source}: it is not UTF-8 text") from fault
    return text, "standard input" if source == "-" else source


def parse(text: str, source: str) -> Any:
    """JSON if it begins as an object does, else YAML; `source` names it in errors."""
    named_yaml = source.endswith((".yaml", ".yml"))
    try:
        if text.lstrip().startswith("{") and not named_yaml:
            return decode(text.encode(errors="surrogateescape"))
        from tunelet.cli.yaml_core import load

        return load(text, source)
    except NotJson as fault:
        raise click.ClickException(f"{source}: {fault}") from fault


def value(text: str) -> Any:
    """The value of a setting: JSON if it is valid JSON, else a string."""
    try:
        return decode(text.encode(errors="surrogateescape"))
    except Malformed:
        return text
    except NotJson as fault:
        raise click.UsageError(str(fault)) from fault


def put(request: Json, setting: str) -> None:
    """Put one `key=value` into the request; `a.b=1` sets b in a.

    The value is JSON if it is valid JSON, else a string.
    """
    key, sign, text = setting.partition("=")
    if not sign or not all(key.split(".")):
        raise click.UsageError(f"--set needs key=value, not {setting!r}")
    *path, last = key.split(".")
    inner = request
    for part in path:
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            raise click.UsageError(f"--set {key}: {part} is not an object, so it has no fields")
    inner[last] = value(text)
