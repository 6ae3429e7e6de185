"""The text of the identity file, YAML or JSON, in which an object has each name once.

PyYAML keeps the last of two equal names. A second `tokens:` at the end of the file would then
revoke all tokens of the first, without an error.
"""

from typing import Any

import yaml

from tunelet.text.strict_json import repeated

_ONCE = "write each name of an object once, with all entries below it"
_CORRECT = "correct the file; 'tunelet docs operations/identity' shows one"


class Unreadable(ValueError):
    """The text is not accepted; the message says why and where, and repeats no value."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, Unreadable):
            raise
        except (AttributeError, LookupError, TypeError, ValueError) as fault:
            # PyYAML lets through what Python raises, for example for the date 2026-13-01.
            message = f"has a value that cannot be read ({_place(node.start_mark)})"
            raise Unreadable(message, _CORRECT) from fault

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        keys = [key for key, _ in pairs if isinstance(key, yaml.ScalarNode)]
        for name in repeated(key.value for key in keys):
            last = [key for key in keys if key.value == name][-1].start_mark
            message = f"has {name[:40]!r} twice in one object ({_place(last)})"
            raise Unreadable(message, _ONCE)
        return super().construct_mapping(node, deep)


def read(text: str) -> Any:
    """Return the value of the text. Raises `Unreadable`."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as fault:
        where = f" ({_place(fault.problem_mark)})" if fault.problem_mark else ""
        raise Unreadable(f"is neither YAML nor JSON{where}", _CORRECT) from fault
    except (yaml.YAMLError, RecursionError) as fault:
        raise Unreadable("is neither YAML nor JSON", _CORRECT) from fault


def _place(mark: yaml.Mark) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"
