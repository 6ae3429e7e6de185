"""Opens a store, for the commands that read a bucket without a service."""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

import click
from click.core import ParameterSource

from tunelet.bundle import activate
from tunelet.errors import NotFound, Reject

if TYPE_CHECKING:
    from tunelet.ports import Store


@contextmanager
def naming_store() -> Iterator[None]:
    """Let errors about the store name the option or argument that the user gave."""
    try:
        yield
    except Reject as fault:
        given = _given()
        if given is None or [each.field for each in fault.errors] != ["TUNELET_STORE"]:
            raise
        raise Reject(str(fault), [fault.errors[0]._replace(field=given)]) from fault


def _given() -> str | None:
    """The option or argument with the store; None if the environment has it."""
    context = click.get_current_context(silent=True)
    if context is None or context.get_parameter_source("store") is not ParameterSource.COMMANDLINE:
        return None
    (store,) = (each for each in context.command.params if each.name == "store")
    return store.opts[0] if isinstance(store, click.Option) else store.human_readable_name


@naming_store()
def opened(url: str, *, patient: bool) -> "Store":
    """The store at `url`; a patient one retries transient errors.

    Raises `Reject` if it cannot be opened, and `ClickException` without the service's packages.
    """
    activate()
    try:
        storage = importlib.import_module("adapters.storage")
        if patient:
            return cast("Store", storage.open_store(url, first=storage.COMMAND_SECONDS))
        return cast("Store", storage.connect(url))
    except ModuleNotFoundError as fault:
        raise click.ClickException(
            f"stores need more than the client (no {fault.name}): pip install 'tunelet[up]'"
        ) from fault


def chosen(store: str | None) -> str:
    """The store that was given, else that of `tunelet run` in this folder: then it says which.

    Raises `UsageError` if there is neither.
    """
    if store is not None:
        return store
    data = Path(os.environ.get("TUNELET_DATA", "tunelet-data"))
    if not (data / "store").is_dir():
        raise click.UsageError(
            f"name the store: there is none in {data}; give the --data folder of `tunelet run`, or"
            " the URL of a bucket"
        )
    click.echo(f"using {data / 'store'}", err=True)
    return str(data)


def existing(url: str, *, patient: bool = True) -> "Store":
    """The store at `url`, for commands that make none: no folder is created.

    The path of an existing folder counts as well, also of a data folder with a store in it. Raises
    like `opened`, and `NotFound` if there is no such folder.
    """
    if not urlsplit(url).scheme and (folder := Path(url)).is_dir():
        inner = folder / "store"
        url = (inner if inner.is_dir() else folder).absolute().as_uri()
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and not Path(unquote(parts.path)).is_dir():
        raise NotFound(f"{url}: there is no such folder")
    return opened(url, patient=patient)
