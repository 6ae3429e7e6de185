"""YAML by its core schema (YAML 1.2), which agrees with JSON.

`1e-4` is a number, `on` and `no` are strings. A name that occurs twice in an object is refused,
because the first value would be lost silently.
"""

import re
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

import click
import yaml
from yaml.constructor import BaseConstructor

from tunelet.text.strict_json import DEPTH, integer, real, repeated

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


def load(text: str, source: str) -> Any:
    """Parse YAML; `source` names it in errors. Raises `ClickException` or `NotJson`."""
    try:
        return yaml.load(text, _Loader)
    except _Refused as fault:
        raise click.ClickException(f"{source} {fault.problem}{_place(fault)}") from fault
    except yaml.MarkedYAMLError as fault:
        raise click.ClickException(
            f"{source} is not YAML: {fault.problem}{_place(fault)}"
        ) from fault
    except yaml.YAMLError as fault:
        raise click.ClickException(f"{source} is not YAML: {fault}") from fault


def _place(fault: yaml.MarkedYAMLError) -> str:
    at = fault.problem_mark
    return f" at line {at.line + 1}, column {at.column + 1}" if at else ""
