"""Object stores that implement the `Store` port, chosen by URL and imported only when opened.

Each cloud has two client libraries: `?client=NAME` in the URL or TUNELET_STORE_CLIENT names
one; the default is the first in the table that is installed and works in the environment
(docs/adr/0008-client-libraries-of-the-stores.md has the measurements for the order).
"""

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tunelet.errors import FieldError, Reject
from tunelet.ports import ProcessTurns, Store

if TYPE_CHECKING:
    from adapters.storage.access import Access
    from adapters.storage.location import Location

CLIENT = "TUNELET_STORE_CLIENT"
COMMAND_SECONDS = 3.0
"""The time that commands give a bucket for its first answer: a person waits for it."""


class _Client(NamedTuple):
    module: str
    extra: str
    """The extra that installs it."""


_HERE = {"memory": "adapters.storage.memory", "file": "adapters.storage.files"}
_CLIENTS = {
    "boto3": _Client("adapters.storage.s3", "s3"),
    "google": _Client("adapters.storage.gcs", "gcs"),
    "azure": _Client("adapters.storage.azure", "azure"),
    "obstore": _Client("adapters.storage.obstore", "obstore"),
}
_CLOUDS = {"s3": ("obstore", "boto3"), "gs": ("google", "obstore"), "az": ("obstore", "azure")}
"""The clients of each cloud, the preferred one first."""


def open_store(url: str, access: "Access | None" = None, first: float | None = None) -> Store:
    """Open the store at `url`. A cloud's store retries transient faults.

    `access` has the credentials; None: the process's. Until the store has answered once, it is
    given `first` seconds; None: as many as later.

    `file:///folder`, `memory://name`, `s3://bucket/prefix`, `gs://bucket/prefix` or
    `az://container/prefix`. Raises `Reject` as `connect` does.
    """
    store = connect(url, access)
    if urlsplit(url).scheme in _HERE:
        return store
    from adapters.storage.retrying import RetryingStore

    return RetryingStore(store, first=first)


def turns_of(url: str) -> ProcessTurns | None:
    """Return the turns of the processes that use the store at `url`; None for a bucket."""
    if urlsplit(url).scheme != "file":
        return None
    from adapters.storage.folder_turns import FolderTurns

    return FolderTurns(url)


def connect(url: str, access: "Access | None" = None) -> Store:
    """Open the adapter of the store at `url`, which raises every fault at once.

    Raises `Reject` if no store has the URL's scheme, if its library is not installed, or
    if the URL or the credentials are invalid.
    """
    scheme = urlsplit(url).scheme
    if scheme in _HERE:
        return _opener(_HERE[scheme])(url)
    if scheme not in _CLOUDS:
        known = ", ".join(f"{name}://" for name in (*_HERE, *_CLOUDS))
        folder = "" if scheme else f"write {Path(url).absolute().as_uri()} for a folder, or "
        raise _refusal(url, "names no kind of store", f"{folder}use one of {known}")
    from adapters.storage.access import PROCESS, refuse_incomplete
    from adapters.storage.location import locate

    access = access or PROCESS
    location = locate(url)
    refuse_incomplete(scheme, location, access)
    asked = location.client or os.environ.get(CLIENT)
    if asked and asked not in _CLOUDS[scheme]:
        known = " or ".join(_CLOUDS[scheme])
        raise location.refuse(f"no client {asked!r}", f"choose {known} (?client= or {CLIENT})")
    return _opened(url, asked, access) if asked else _preferred(url, scheme, location, access)


def _preferred(url: str, scheme: str, location: "Location", access: "Access") -> Store:
    """Open the store with the first client that is installed and works here."""
    from adapters.storage.environment import unserved

    missing: Reject | None = None
    for name in _CLOUDS[scheme]:
        if name == "obstore" and unserved(scheme, location, access):
            continue
        try:
            return _opened(url, name, access)
        except _NotInstalled as error:
            missing = missing or error
    assert missing is not None, "each cloud has a client that serves all"
    raise missing


def _opened(url: str, name: str, access: "Access") -> Store:
    client = _CLIENTS[name]
    try:
        opener = _opener(client.module)
    except ModuleNotFoundError as error:
        message = f"needs a library that is not installed ({error.name})"
        remedy = f"pip install 'tunelet[{client.extra}]'"
        raise _NotInstalled(*_worded(url, message, remedy)) from error
    return opener(url, access)


def _opener(module: str) -> Callable[..., Store]:
    opener: Callable[..., Store] = import_module(module).open_url
    return opener


class _NotInstalled(Reject):
    """A client's library is not installed; another client's may be."""


def _refusal(url: str, message: str, remedy: str) -> Reject:
    return Reject(*_worded(url, message, remedy))


def _worded(url: str, message: str, remedy: str) -> tuple[str, list[FieldError]]:
    shown = url.partition("?")[0]
    problem = FieldError("TUNELET_STORE", shown, message, remedy)
    return f"the store {shown!r} {message}; {remedy}", [problem]
