"""Says how a search continues that no process works on."""

import shlex
from pathlib import Path
from urllib.parse import urlsplit

import click

from tunelet.cli.connection import Connection
from tunelet.cli.faults import advise
from tunelet.client.report import Json


def say(connection: Connection, experiment: Json) -> bool:
    """Write that no process works on it, and what to do, to standard error.

    Writes nothing and returns False if a process does, or if that is not known.
    """
    if "needs" not in experiment:
        return False
    name, needs = experiment["name"], experiment["needs"]
    click.echo(f"no process works on {name}", err=True)
    if needs == "tune":
        advise(f"continue it: call tune again, with name={name!r}")
    elif needs == "tunelet up":
        advise(
            f"continue it: start {needs}{_flags(connection.store)} again, with its --alias options"
        )
    else:
        words = shlex.split(f"{needs} --name {name}{_flags(connection.store)}")
        if connection.namespace != "default":
            words = [words[0], "-n", connection.namespace, *words[1:]]
        advise("continue it:", command=words)
    return True


def _flags(store: str | None) -> str:
    """The options of `tunelet run` or `up` for the same store; none if they find it themselves."""
    if store is None:
        return ""
    folder = Path(store)
    if not urlsplit(store).scheme:
        if (folder / "store").is_dir():
            return f" --data {shlex.quote(store)}"
        if folder.name == "store" and (folder.parent / "runs").is_dir():
            return f" --data {shlex.quote(str(folder.parent))}"
        store = folder.absolute().as_uri()
    return f" --store {shlex.quote(store)}"
