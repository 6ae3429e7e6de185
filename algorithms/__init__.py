"""The search algorithms: one file per library, reached by name.

Importing this package imports no algorithm and no library, for imports decide how fast a
function starts; only `Catalog.load` does.
"""

from tunelet.ports import Catalog


def load_catalog() -> Catalog:
    """The built-in algorithms and those that installed distributions add as plugins."""
    from algorithms.catalog.installed import InstalledAlgorithms

    return InstalledAlgorithms()
