"""A request from a file, standard input and options.

YAML is read by its core schema (YAML 1.2), which agrees with JSON: `1e-4` is a number, `on` and
`no` are strings. A name that occurs twice in an object is refused, because the first value would
be lost silently. JSON is read as strictly as the service reads it.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import click
import yaml
from yaml.constructor import BaseConstructor

from tunelet.text.strict_json import DEPTH, Malformed, NotJson, decode, integer, real, repeated

Json = dict[str, Any]

MOST_VALUES = 1_000_000
"""The most values and names in a YAML document, aliases written out."""

_KINDS = ("null", "bool", "int", "float", "str", "seq", "map")
_SHOWN = 40
_TOO_DEEP = f"is nested deeper than {DEPTH} levels"


class _Refused(yaml.MarkedYAMLError):
    """Valid YAML that is not accepted here."""


class _Loader(yaml.SafeLoader):
    """YAML's core schema, within limits. https://yaml.org/spec/1.2.2/#103-core-schema

    A few bytes of aliases can expand to any number of values ("billion laughs"), so the expanded
    values are counted while the document is read.
    """

    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        kind: yaml.SafeLoader.yaml_constructors[kind]
        for kind in (*(f"tag:yaml.org,2002:{name}" for name in _KINDS), None)
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._level = 0
        self._sizes: dict[yaml.Node, _Size] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if node is not None and node not in self._sizes:
                problem = "contains an alias of an object that contains the alias"
                raise _Refused(problem=problem, problem_mark=node.start_mark)
            return node
        self._level += 1
        if self._level > DEPTH:
            raise _Refused(problem=_TOO_DEEP, problem_mark=self.get_mark())
        node = super().compose_node(parent, index)
        self._level -= 1
        if node is not None:
            self._sizes[node] = self._size(node)
        return node

    def _size(self, node: yaml.Node) -> "_Size":
        children = [self._sizes[each] for each in _children(node)]
        depth = 1 + max((each.depth for each in children), default=0)
        values = 1 + sum(each.values for each in children)
        if depth > DEPTH:
            raise _Refused(problem=_TOO_DEEP, problem_mark=node.start_mark)
        if values > MOST_VALUES:
            problem = f"contains more than {MOST_VALUES} values, aliases written out"
            raise _Refused(problem=problem, problem_mark=node.start_mark)
        return _Size(values, depth)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for twice in repeated(names):
            problem = f"is refused: the name {twice[:_SHOWN]!r} occurs twice in one object"
            raise _Refused(problem=problem, problem_mark=node.start_mark)
        # SafeLoader's own method would apply the merge keys of YAML 1.1.
        return BaseConstructor.construct_mapping(self, node, deep)


class _Size(NamedTuple):
    """The size of a node with its aliases written out."""

    values: int
    depth: int


def _children(node: yaml.Node) -> Iterable[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return (each for pair in node.value for each in pair)
    return node.value if isinstance(node, yaml.SequenceNode) else ()


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

# SafeLoader reads integers as YAML 1.1, where 010 is eight.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: integer(node.value))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: _float(node.value))


def _float(text: str) -> float:
    plain = text.lower().replace(".inf", "inf").replace(".nan", "nan")
    return real(text) if plain == text.lower() else float(plain)


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
        return yaml.load(text, _Loader)
    except NotJson as fault:
        raise click.ClickException(f"{source}: {fault}") from fault
    except _Refused as fault:
        raise click.ClickException(f"{source} {fault.problem}{_place(fault)}") from fault
    except yaml.MarkedYAMLError as fault:
        raise click.ClickException(
            f"{source} is not YAML: {fault.problem}{_place(fault)}"
        ) from fault
    except yaml.YAMLError as fault:
        raise click.ClickException(f"{source} is not YAML: {fault}") from fault


def value(text: str) -> Any:
    """The value of a setting: JSON if it is valid JSON, else a string."""
    try:
        return decode(text.encode(errors="surrogateescape"))
    except Malformed:
        return text
    except NotJson as fault:
        raise click.UsageError(str(fault)) from fault


def _place(fault: yaml.MarkedYAMLError) -> str:
    at = fault.problem_mark
    return f" at line {at.line + 1}, column {at.column + 1}" if at else ""


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
