"""Tunelet: hyperparameter optimization without a server to run.

    from tunelet import Client

This package is the domain, the client and the command line. It imports no vendor
SDK; the adapters that do live beside it (see docs/architecture.md).
"""

from typing import TYPE_CHECKING, Any

from tunelet.version import __version__

if TYPE_CHECKING:
    from tunelet.client import Client

__all__ = ["Client", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the client when it is first used: every start of a process imports this package."""
    if name == "Client":
        from tunelet.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
