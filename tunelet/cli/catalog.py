"""schema and algorithms: what a request may say."""

import os
from typing import Any

import click

from tunelet.cli.connection import Connection, connected, write_json
from tunelet.cli.table import lines, width
from tunelet.report import Table


@click.command("schema")
@connected
def schema_command(connection: Connection) -> None:
    """Write the JSON Schema of a request.

    Of the service, if one is named; else of the one that is installed here.

    \b
    Example:
      tunelet schema > tunelet.schema.json
    """
    named = connection.url or os.environ.get("TUNELET_URL")
    installed = None if named else _installed()
    write_json(connection.client().schema() if installed is None else installed)


def _installed() -> dict[str, Any] | None:
    """The schema, if the service's packages are there as well as the client's."""
    try:
        from tunelet.request import request_schema
    except ModuleNotFoundError:
        return None
    return request_schema()


@click.command("algorithms")
@connected
def algorithms_command(connection: Connection) -> None:
    """List the algorithms of the service.

    \b
    Examples:
      tunelet algorithms
      tunelet algorithms --json | jq '.algorithms[].name'
    """
    known = connection.client().algorithms()
    if connection.json:
        write_json({"algorithms": known})
        return
    rows = tuple(
        (each["name"], "yes" if each["installed"] else "no", each["summary"]) for each in known
    )
    click.echo("\n".join(lines(Table(("NAME", "INSTALLED", "SUMMARY"), rows), width())))
