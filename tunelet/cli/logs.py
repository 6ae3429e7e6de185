"""logs: the output of a trial."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tunelet.cli.connection import Connection, connected_or_stored, name_argument
from tunelet.client.report import created
from tunelet.errors import NotFound

if TYPE_CHECKING:
    from tunelet.client import Client

_RECENT = 50


@click.command("logs")
@name_argument
@click.argument("trial", type=click.IntRange(0), required=False)
@click.option(
    "--attempt", type=click.IntRange(1), metavar="N", help="Of this attempt. [default: the newest]"
)
@click.option("-f", "--follow", is_flag=True, help="Continue until the trial has ended.")
@connected_or_stored
def logs_command(
    connection: Connection, name: str, trial: int | None, attempt: int | None, follow: bool
) -> None:
    """Write the output of a trial.

    Without TRIAL: of the newest trial that has started.

    \b
    Examples:
      tunelet logs digits
      tunelet logs digits 7 --follow
      tunelet logs digits 7 --attempt 1
    """
    client = connection.client()
    number = _newest(client, name) if trial is None else trial
    if trial is None:
        click.echo(f"trial {number}:", err=True)
    if follow:
        _write(client.follow(name, number, attempt))
    else:
        _write(client.logs(name, number, attempt))


def _newest(client: "Client", name: str) -> int:
    total = created(client.experiment(name).json)
    recent = client.trials(name, after=max(-1, total - _RECENT - 1))
    started = [trial["number"] for trial in recent if trial["started_at"] is not None]
    if not started:
        raise NotFound(f"no trial of {name} has started yet")
    return int(started[-1])


def _write(chunks: Iterator[bytes]) -> None:
    """Write each chunk at once as bytes: it may be a progress bar, and need not be UTF-8."""
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
