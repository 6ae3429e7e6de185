"""Imports that a function puts off until they are used: parts of libraries that it never uses."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

MODULES = frozenset(
    {
        "optuna.progress_bar",  # imports tqdm and asyncio, for Study.optimize
        "numpy._core._add_newdocs",  # sets docstrings
        "numpy._core._add_newdocs_scalars",
    }
)


class _Deferring(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in MODULES:
            return None
        found = PathFinder.find_spec(name, path, target)
        if found is not None and found.loader is not None:
            found.loader = LazyLoader(found.loader)
        return found


def defer() -> None:
    """Import MODULES at the first use of one of their names, in place of their import."""
    sys.meta_path.insert(0, _Deferring())
