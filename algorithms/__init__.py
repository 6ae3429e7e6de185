"""The search algorithms, by name: one package for each library.

Importing this package imports no algorithm and no library, because imports decide how fast a
function starts. `Catalog.load` imports the one that it is asked for.
"""

from tunelet.ports import Catalog


def load_catalog() -> Catalog:
    """Return the catalog of the built-in algorithms and of the installed plugins."""
    from algorithms.catalog.installed import InstalledAlgorithms

    return InstalledAlgorithms()
