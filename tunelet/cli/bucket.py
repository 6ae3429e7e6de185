"""The store itself, for the commands that look into a bucket without a service."""

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
    """The store at `url`; a patient one sends again what a passing fault kept from an answer.

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
    """The store at `url`, a patient one, for what only reads: no folder is made for it.

    Raises as `opened` does, and `NotFound` where there is no such folder.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not Path(unquote(parts.path)).is_dir():
        raise NotFound(f"{url}: there is no such folder")
    return opened(url, patient=True)
