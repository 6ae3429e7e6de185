"""Algorithms that other distributions add through the entry-point group `tunelet.algorithms`.

    [project.entry-points."tunelet.algorithms"]
    my_search = "my_package:MySearch"

`MySearch(**settings)` must return a `tunelet.ports.Algorithm`. Its keyword parameters are the
settings and their annotations the types; the first line of its docstring is the summary. The
class attributes `conditions` (False: no `when`) and `objectives` (the most it handles) say
what it cannot do. A plugin does not replace a built-in algorithm of the same name, and is asked in
a process of its own (algorithms.catalog.plugin_process).
"""

import inspect
import types
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Union, get_args, get_origin, get_type_hints

from algorithms.catalog.entry import Entry, Setting

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def scan(group: str) -> dict[str, EntryPoint]:
    """The plugins of a group by name. Reads the metadata of every distribution."""
    return {entry.name: entry for entry in entry_points(group=group)}


def row(entry: EntryPoint) -> Entry:
    """What a plugin says of itself. Imports it, and raises what the import raises."""
    factory = entry.load()
    return Entry(
        entry.name,
        (inspect.getdoc(factory) or "").partition("\n")[0],
        entry.value,
        settings(factory),
        conditions=getattr(factory, "conditions", True),
        integers=getattr(factory, "integers", True),
        objectives=getattr(factory, "objectives", None),
        constraints=getattr(factory, "constraints", False),
        fidelity=getattr(factory, "fidelity", False),
        parallel=getattr(factory, "parallel", None),
    )


def settings(factory: Callable[..., Any]) -> tuple[Setting, ...]:
    """The keyword parameters of an algorithm's class as settings."""
    # The initializer may be that of a base class.
    function = inspect.getattr_static(factory, "__init__") if inspect.isclass(factory) else factory
    hints = get_type_hints(function)
    return tuple(
        _setting(parameter, hints)
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    )


def _setting(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Setting:
    hint = hints.get(parameter.name, Any)
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    kinds = [_TYPES.get(member, "any") for member in members if member is not types.NoneType]
    return Setting(
        parameter.name,
        kinds[0] if len(kinds) == 1 else "any",
        None if parameter.default is parameter.empty else parameter.default,
        nullable=types.NoneType in members,
    )
