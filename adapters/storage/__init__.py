"""Object stores behind the `Store` port, chosen by URL and imported only when opened."""

from collections.abc import Callable
from importlib import import_module
from urllib.parse import urlsplit

from tunelet.errors import FieldError, Reject
from tunelet.ports import Store

_MODULES = {"memory": "adapters.storage.memory", "file": "adapters.storage.files"}


def open_store(url: str) -> Store:
    """The store at `url`: `file:///folder` or `memory://name`.

    Raises `Reject` if no store goes by the URL's scheme.
    """
    scheme = urlsplit(url).scheme
    if scheme not in _MODULES:
        known = ", ".join(f"{name}://" for name in _MODULES)
        problem = FieldError("TUNELET_STORE", url, "names no kind of store", f"use one of {known}")
        raise Reject(f"no store is known for {url!r}; use one of {known}", [problem])
    opener: Callable[[str], Store] = import_module(_MODULES[scheme]).open_url
    return opener(url)
