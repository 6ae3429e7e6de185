"""Where studies are kept: the stores and services that this process has opened."""

import os
import threading
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from adapters.optuna.logs import Logs
from adapters.optuna.studies import Studies
from tunelet.errors import FieldError, Reject
from tunelet.ports import Store

_SERVICES = ("http://", "https://")
PATIENCE = 60.0
"""Seconds for which a call to a service is repeated, also while the service starts anew."""


def address(given: str | os.PathLike[str] | None) -> str:
    """Return the URL of a place: a folder's for a path, by default that of TUNELET_URL."""
    text = os.fspath(given) if given is not None else os.environ.get("TUNELET_URL")
    if text is None:
        remedy = "name a folder, a bucket or a service, or set TUNELET_URL"
        error = FieldError("url", None, "is missing", remedy)
        raise Reject(f"TuneletStorage needs a place: {remedy}", [error])
    return text if urlsplit(text).scheme else Path(text).absolute().as_uri()


_lock = threading.Lock()
_stores: WeakValueDictionary[str, Store] = WeakValueDictionary()
_studies: WeakValueDictionary[tuple[int, str, str, str | None], Studies] = WeakValueDictionary()


def opened(url: str, namespace: str, token: str | None) -> Studies:
    """Return the state that all storages of this process share, to see each other's changes."""
    key = (os.getpid(), url, namespace, token)
    with _lock:
        studies = _studies.get(key)
        if studies is None:
            studies = _studies[key] = Studies(_logs(url, namespace, token))
        return studies


def _logs(url: str, namespace: str, token: str | None) -> Logs:
    if url.startswith(_SERVICES):
        from adapters.optuna.remote import RemoteLogs
        from tunelet.client.transport import Transport

        token = token or os.environ.get("TUNELET_TOKEN")
        return RemoteLogs(Transport(url, token, PATIENCE, PATIENCE), namespace)
    if token is not None:
        error = FieldError("token", None, "is for a service", f"leave it out with {url}")
        raise Reject("a store takes no token", [error])
    from adapters.storage import open_store
    from tunelet.engine.studies import opened as studies_of

    in_memory = url.startswith("memory:")
    store = _stores.get(url) if in_memory else None
    store = store or open_store(url)
    if in_memory:
        _stores[url] = store
    return studies_of(store, namespace)
