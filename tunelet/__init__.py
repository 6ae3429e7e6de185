"""Tunelet: hyperparameter optimization without a server to run.

    from tunelet import Client, tune

This package is the domain, the client and the command line. It imports no vendor
SDK; the adapters that do live beside it (see docs/concepts/architecture.md).
"""

from tunelet.version import __version__

# Not imported from typing, which takes longer than this module.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunelet.client import Client
    from tunelet.errors import TrialPruned
    from tunelet.tuning import tune

__all__ = ["Client", "TrialPruned", "__version__", "tune"]


_HOMES = {"Client": "tunelet.client", "TrialPruned": "tunelet.errors", "tune": "tunelet.tuning"}


def __getattr__(name: str) -> object:
    """Import what is used, and not before: every start of a process imports this package."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
