"""Opens a store, for the commands that read a bucket without a service."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click

from tunelet.bundle import activate
from tunelet.errors import NotFound

if TYPE_CHECKING:
    from tunelet.ports import Store


def opened(url: str, *, patient: bool) -> "Store":
    """The store at `url`; a patient one retries transient errors.

    Raises `Reject` if it cannot be opened, and `ClickException` without the service's packages.
    """
    activate()
    try:
        storage = importlib.import_module("adapters.storage")
        store: Store = (storage.open_store if patient else storage.connect)(url)
    except ModuleNotFoundError as fault:
        raise click.ClickException(
            f"stores need more than the client (no {fault.name}): pip install 'tunelet[up]'"
        ) from fault
    return store


def existing(url: str) -> "Store":
    """The store at `url`, for commands that only read: no folder is created.

    Raises like `opened`, and `NotFound` if there is no such folder.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not Path(unquote(parts.path)).is_dir():
        raise NotFound(f"{url}: there is no such folder")
    return opened(url, patient=True)
