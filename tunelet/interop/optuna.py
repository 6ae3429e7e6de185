"""Optuna's storage over Tunelet: studies in a folder, a bucket or a service, without a database.

from tunelet.interop.optuna import TuneletStorage

study = optuna.create_study(storage=TuneletStorage("s3://bucket/prefix"))
"""

# Not imported from typing, which takes longer than this module.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from adapters.optuna.storage import TuneletStorage

__all__ = ["TuneletStorage"]


def __getattr__(name: str) -> object:
    """Import the storage on first use: it needs Optuna and the store's client library."""
    if name != "TuneletStorage":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from tunelet.bundle import activate

    activate()
    try:
        return import_module("adapters.optuna.storage").TuneletStorage
    except ModuleNotFoundError as fault:
        raise ImportError(
            f"TuneletStorage needs more than the client (no {fault.name}): "
            "pip install 'tunelet[up]'"
        ) from fault
