"""No circle of imports, not even of lazy ones or of those for types only."""

import ast
from collections.abc import Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("tunelet", "functions", "adapters", "algorithms", "benchmarks")
EXCUSED = {
    ("tunelet.client.follow", "tunelet.client.client"),
    ("tunelet.client.remote", "tunelet.client.client"),
    ("tunelet.client.running", "tunelet.client.client"),
}
"""Comments at these imports say why they close a circle."""


@cache
def imports() -> dict[str, set[str]]:
    """The modules that each module imports, wherever in it."""
    files = {_name(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    return {
        name: {one for one in _imported(path, files.keys()) if one != name}
        for name, path in files.items()
    }


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, modules: Set[str]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= whole & modules or {node.module}
    return found & modules


def test_no_modules_import_each_other() -> None:
    graph = {
        name: {one for one in used if (name, one) not in EXCUSED}
        for name, used in imports().items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))


def test_each_excuse_is_needed() -> None:
    graph = imports()
    for importer, imported in EXCUSED:
        assert imported in graph[importer]
        others = {
            name: {one for one in used if (name, one) not in EXCUSED - {(importer, imported)}}
            for name, used in graph.items()
        }
        with pytest.raises(CycleError):
            TopologicalSorter(others).prepare()
