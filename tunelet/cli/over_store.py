"""The store that a command uses where no service runs, and a client of it."""

import importlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import click

from tunelet.cli.bucket import naming_store

if TYPE_CHECKING:
    from tunelet.client import Client

_CONNECT_SECONDS = 0.5
_DATA = "tunelet-data"


class Place(NamedTuple):
    """A store, and the folder of the runs beside it if there is one on this machine."""

    url: str
    shown: str
    runs: Path | None


def named(given: str) -> Place:
    """The store of `--store`: a URL, the folder of a store, or a data folder with one in it."""
    parts = urlsplit(given)
    if parts.scheme not in ("", "file"):
        return Place(given, given, _runs(Path(os.environ.get("TUNELET_DATA", _DATA))))
    folder = Path(unquote(parts.path)) if parts.scheme else Path(given)
    if (folder / "store").is_dir():
        folder = folder / "store"
    if not folder.is_dir():
        raise click.UsageError(
            f"--store {given}: there is no such folder; name the --data folder of `tunelet run`,"
            " or the URL of a bucket"
        )
    url = folder.absolute().as_uri()
    return Place(url, str(folder), _runs(folder.parent) or _runs(Path(_DATA)))


def found(service: str) -> Place | None:
    """The store that `tunelet run` uses here, if there is one and no service at this address."""
    given = os.environ.get("TUNELET_STORE") or os.environ.get("TUNELET_DATA") or _DATA
    local = urlsplit(given).scheme in ("", "file")
    if (local and not Path(unquote(urlsplit(given).path)).is_dir()) or answers(service):
        return None
    return named(given)


def client(place: Place, namespace: str) -> "Client":
    """A client of the store. Raises `Reject` if it cannot be opened."""
    from tunelet.bundle import activate

    activate()
    try:
        direct = importlib.import_module("functions.hosting.over_store")
    except ModuleNotFoundError as fault:
        raise click.ClickException(
            f"a store needs more than the client (no {fault.name}): pip install 'tunelet[up]'"
        ) from fault
    with naming_store():
        opened: Client = direct.opened(place.url, place.runs, namespace)
    return opened


def answers(service: str) -> bool:
    """Return whether anything listens at this address."""
    parts = urlsplit(service)
    try:
        with socket.create_connection((parts.hostname, parts.port), _CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _runs(data: Path) -> Path | None:
    return runs.absolute() if (runs := data / "runs").is_dir() else None
