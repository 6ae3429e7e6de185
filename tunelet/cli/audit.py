"""audit: who changed an experiment, and when."""

import click

from tunelet.cli.connection import Connection, connected_or_stored, name_argument, write_json
from tunelet.cli.table import lines, width
from tunelet.client.report import Json, Rows


@click.command("audit")
@name_argument
@connected_or_stored
def audit_command(connection: Connection, name: str) -> None:
    """List who changed an experiment, and when.

    Also of one that was deleted. An end without an actor came from the experiment's own budget.

    \b
    Examples:
      tunelet audit digits
      tunelet audit digits --json | jq '.changes[] | select(.action == "delete") | .actor'
    """
    changes = list(connection.client().audit(name))
    if connection.json:
        write_json({"changes": changes, "next": None})
    else:
        click.echo("\n".join(lines(_table(changes), width())))


def _table(changes: list[Json]) -> Rows:
    header = ("ENTRY", "TIME", "ACTOR", "ACTION", "DETAIL")
    return Rows(header, tuple(map(_row, changes)))


def _row(change: Json) -> tuple[str, ...]:
    at, actor = change["at"] or "", change["actor"] or ""
    return (str(change["seq"]), at, actor, change["action"], change["detail"])
