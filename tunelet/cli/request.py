"""A request from a file, standard input and the command line's own fields.

YAML is read by its core schema (YAML 1.2), the one that agrees with JSON: `1e-4` is a number,
`on` and `no` are texts. A name that stands twice is refused, for the first of the two
would be lost without a word.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import click
import yaml

Json = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML's core schema. https://yaml.org/spec/1.2.2/#103-core-schema"""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        _refuse_twice(names, f"line {node.start_mark.line + 1}: ")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"null|Null|NULL|~|", [*"nN~", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+", [*"-+0123456789"]),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", [*"-+.0123456789"]),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", [*"-+."]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
    )

# SafeLoader's own integers are YAML 1.1's, where 010 is eight.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
_Loader.add_constructor(
    "tag:yaml.org,2002:float",
    lambda loader, node: float(node.value.replace(".inf", "inf").replace(".nan", "nan")),
)


def read(source: str | None) -> Json:
    """The request in a file, or on standard input for "-"; {} for None."""
    if source is None:
        return {}
    text, shown = content(source)
    request = parse(text, shown)
    if not isinstance(request, dict):
        raise click.ClickException(f"{shown} holds no request: it is to be an object with fields")
    return request


def content(source: str) -> tuple[str, str]:
    """A file's text, or standard input's for "-", and what to call it in errors."""
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
            return json.loads(text, object_pairs_hook=_object)
        return yaml.load(text, _Loader)
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        raise click.ClickException(f"{source} is not JSON: {fault.msg} at {where}") from fault
    except yaml.MarkedYAMLError as fault:
        at = fault.problem_mark
        where = f" at line {at.line + 1}, column {at.column + 1}" if at else ""
        raise click.ClickException(f"{source} is not YAML: {fault.problem}{where}") from fault
    except yaml.YAMLError as fault:
        raise click.ClickException(f"{source} is not YAML: {fault}") from fault


def put(request: Json, setting: str) -> None:
    """Put one `key=value` into the request; dots in the key lead into inner objects.

    The value is read as JSON where it is JSON, else it is a text.
    """
    key, sign, text = setting.partition("=")
    if not sign or not all(key.split(".")):
        raise click.UsageError(f"--set wants key=value, not {setting!r}")
    *path, last = key.split(".")
    inner = request
    for part in path:
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            raise click.UsageError(f"--set {key}: {part} is no object that could have fields")
    try:
        inner[last] = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError:
        inner[last] = text


def _object(pairs: list[tuple[str, Any]]) -> Json:
    _refuse_twice([name for name, _ in pairs], "")
    return dict(pairs)


def _refuse_twice(names: list[Any], where: str) -> None:
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        raise click.ClickException(f"{where}{', '.join(twice)} stands in it twice")
