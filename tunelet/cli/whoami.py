"""whoami: who this machine's user is to a service."""

import click

from tunelet.cli.connection import Connection, connected, write_json


@click.command("whoami")
@connected
def whoami_command(connection: Connection) -> None:
    """Show who you are to the service.

    \b
    Examples:
      tunelet whoami
      TUNELET_TOKEN=$(cat ci.token) tunelet whoami --json
    """
    actor = connection.client().whoami()
    if connection.json:
        write_json(actor)
        return
    if actor["name"] is None:
        click.echo("unknown: this service has no identities, and lets everyone do everything")
        return
    click.echo(f"{actor['name']}, known by {actor['how']}")
    if actor["groups"]:
        click.echo(f"groups: {', '.join(actor['groups'])}")
