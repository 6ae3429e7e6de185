"""Object stores behind the `Store` port, chosen by URL and imported only when opened."""

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple
from urllib.parse import urlsplit

from tunelet.errors import FieldError, Reject
from tunelet.ports import Store


class _Kind(NamedTuple):
    module: str
    extra: str | None = None
    """What to install it with, if it needs a cloud's library."""


_KINDS = {
    "memory": _Kind("adapters.storage.memory"),
    "file": _Kind("adapters.storage.files"),
    "s3": _Kind("adapters.storage.s3", "s3"),
    "gs": _Kind("adapters.storage.gcs", "gcs"),
    "az": _Kind("adapters.storage.azure", "azure"),
}


def open_store(url: str) -> Store:
    """The store at `url`; one in a cloud with patience for passing faults.

    `file:///folder`, `memory://name`, `s3://bucket/prefix`, `gs://bucket/prefix` or
    `az://container/prefix`. Raises `Reject` as `connect` does.
    """
    store = connect(url)
    if urlsplit(url).scheme in ("memory", "file"):
        return store
    from adapters.storage.patience import PatientStore

    return PatientStore(store)


def connect(url: str) -> Store:
    """The store at `url` as its adapter is, which tells of every fault at once.

    Raises `Reject` if no store goes by the URL's scheme, if its
    library is not installed, or if the URL or the credentials cannot be right.
    """
    kind = _KINDS.get(urlsplit(url).scheme)
    if kind is None:
        known = ", ".join(f"{name}://" for name in _KINDS)
        raise _refusal(url, "names no kind of store", f"use one of {known}")
    try:
        opener: Callable[[str], Store] = import_module(kind.module).open_url
    except ModuleNotFoundError as error:
        if kind.extra is None:
            raise
        message = f"needs a library that is not installed ({error.name})"
        raise _refusal(url, message, f"pip install 'tunelet[{kind.extra}]'") from error
    return opener(url)


def _refusal(url: str, message: str, remedy: str) -> Reject:
    problem = FieldError("TUNELET_STORE", url, message, remedy)
    return Reject(f"the store {url!r} {message}; {remedy}", [problem])
