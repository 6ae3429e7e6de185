"""schema and algorithms: what a request may say."""

import click

from tunelet.cli.connection import Connection, connected, write_json
from tunelet.cli.table import lines, width
from tunelet.report import Table


@click.command("schema")
@connected
def schema_command(connection: Connection) -> None:
    """Write the JSON Schema of a request.

    \b
    Example:
      tunelet schema > tunelet.schema.json
    """
    write_json(connection.client().schema())


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
