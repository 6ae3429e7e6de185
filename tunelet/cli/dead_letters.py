"""dead-letters: events that the broker could not deliver, to look at and to replay."""

import json
import time

import click

from tunelet.cli.connection import Connection, connected, write_json
from tunelet.cli.faults import advise
from tunelet.cli.table import lines, width
from tunelet.client.report import Json, Rows, ago

_TITLES = ("ID", "AGE", "TYPE", "SUBJECT", "DESTINATION", "STATUS")


@click.group("dead-letters")
def dead_letters_command() -> None:
    """Look at events that could not be delivered.

    The service keeps 1000. A lost event costs time only: sweep does its work later.

    \b
    Examples:
      tunelet dead-letters list
      tunelet dead-letters show ID
      tunelet dead-letters replay ID
    """


@dead_letters_command.command("list")
@connected
def list_command(connection: Connection) -> None:
    """List the dead letters, newest first."""
    found = list(connection.client().dead_letters())
    if connection.json:
        write_json({"dead_letters": found, "next": None})
    elif found:
        rows = tuple(_row(letter, time.time()) for letter in found)
        click.echo("\n".join(lines(Rows(_TITLES, rows), width())))
    else:
        click.echo("no dead letters", err=True)


@dead_letters_command.command("show")
@click.argument("letter", metavar="ID")
@connected
def show_command(connection: Connection, letter: str) -> None:
    """Show one with its data and the answer to it."""
    found = connection.client().dead_letter(letter)
    if connection.json:
        write_json(found)
        return
    facts = {**found["event"], **{name: found[name] for name in ("at", "destination", "status")}}
    for name, value in facts.items():
        click.echo(f"{name + ':':13}{'-' if value is None else value}")
    click.echo(f"\nAnswer:\n{found['answer'] or '-'}\n\nData:")
    click.echo(json.dumps(found["data"], indent=2, ensure_ascii=False))


@dead_letters_command.command("replay")
@click.argument("letters", metavar="ID...", nargs=-1, required=True)
@connected
def replay_command(connection: Connection, letters: tuple[str, ...]) -> None:
    """Deliver dead letters again.

    One that fails again becomes a new dead letter.
    """
    client = connection.client()
    replayed = [client.replay(letter) for letter in letters]
    if connection.json:
        write_json({"dead_letters": replayed})
        return
    for letter in replayed:
        click.echo(f"{letter['id']} is on its way again")
    advise("tunelet dead-letters list")


def _row(letter: Json, now: float) -> tuple[str, ...]:
    event = letter["event"]
    return (
        letter["id"],
        ago(letter["at"], now),
        event["type"] or "",
        event["subject"] or "",
        letter["destination"] or "",
        str(letter["status"] or ""),
    )
