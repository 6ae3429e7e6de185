"""Plugins: algorithms and stopping rules that other distributions add by an entry point.

    [project.entry-points."tunelet.algorithms"]
    my_search = "my_package:MySearch"

    [project.entry-points."tunelet.early_stopping"]
    my_rule = "my_package:MyRule"

`MySearch(**settings)` returns a `tunelet.ports.Algorithm`, `MyRule(**settings)` a
`tunelet.ports.StoppingRule`. The keyword parameters are the settings, their annotations the types
that are checked at submit, and the first line of the docstring is the summary. Class attributes
declare limits, so that a request beyond them is refused:

    conditions   bool  False: no hyperparameter may have a `when`; True if absent
    integers     bool  False: suggestions are rounded to integers; True if absent
    objectives   int   the most objectives; any number if absent
    constraints  bool  whether a request may have constraints; False if absent
    parallel     int   the most trials at once; any number if absent
    fidelity     bool  whether it spends more on better trials; False if absent; only shown

A plugin does not replace a built-in algorithm of the same name. The service runs an algorithm in a
process of its own (algorithms.catalog.plugin_process), and a rule in its own process.
"""

import inspect
import types
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Union, get_args, get_origin, get_type_hints

from algorithms.catalog.entry import Entry, Setting

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def scan(group: str) -> dict[str, EntryPoint]:
    """Return the plugins of an entry-point group by name. Reads every distribution's metadata."""
    return {entry.name: entry for entry in entry_points(group=group)}


def row(entry: EntryPoint) -> Entry:
    """Return the plugin's description as an entry of the catalog.

    Imports the plugin, and raises what the import raises.
    """
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
    """Return the keyword parameters of a class or function as settings.

    Without an annotation a setting has the type "any", without a default None.
    """
    # A base class may define the initializer.
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
