"""The service from Python, over HTTP: for scripts, notebooks and the command line.

`Client` is imported when it is used: the command line shares this package's tables, and most of
its commands start without urllib3.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tunelet.client.client import DEFAULT_URL, Client

__all__ = ["DEFAULT_URL", "Client"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("tunelet.client.client"), name)
