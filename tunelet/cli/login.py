"""login and logout: sign in at a service in the browser."""

import time
from typing import TYPE_CHECKING

import click

from tunelet.cli.connection import Connection, connected
from tunelet.errors import Reject

if TYPE_CHECKING:
    from tunelet.client.device import Prompt

_SECONDS = 10.0


@click.command("login")
@connected
def login_command(connection: Connection) -> None:
    """Sign in at a service, in a browser on any machine.

    The sign-in is kept in the system's keyring if the package keyring is installed, else in a file
    that only you can read. It is renewed by itself until you sign out.

    \b
    Examples:
      tunelet login --url https://tunelet.example.com
    """
    from tunelet.client import device, logins
    from tunelet.client.client import Client
    from tunelet.client.credentials import NONE
    from tunelet.client.transport import Transport

    url = connection.client().url
    # Without the present sign-in, which may have ended.
    settings = Client.over(Transport(url, None, _SECONDS, _SECONDS, NONE)).login()
    signed_in = device.signed_in(settings, _show)
    # It counts only if the service knows it.
    actor = Client(url, token=signed_in.token).whoami()
    where = logins.put(url, signed_in)
    click.echo(f"signed in at {url} as {actor['name']}; the sign-in is kept in {where}")


@click.command("logout")
@connected
def logout_command(connection: Connection) -> None:
    """Sign out: forget the sign-in, and end it at the issuer.

    \b
    Examples:
      tunelet logout --url https://tunelet.example.com
    """
    from tunelet.client import device, logins

    url = connection.client().url
    try:
        login = logins.get(url)
    except Reject:
        logins.remove(url)
        raise
    if login is None:
        click.echo(f"you were not signed in at {url}", err=True)
        return
    logins.remove(url)
    click.echo(f"signed out of {url}")
    if not device.revoked(login):
        left = max(0, round(login.expires_at - time.time()))
        click.echo(f"the issuer did not end the sign-in: it counts for {left} s more", err=True)


def _show(prompt: "Prompt") -> None:
    click.echo(f"Open {prompt.url} and enter the code {prompt.code}", err=True)
    if prompt.complete_url:
        click.echo(f"or open {prompt.complete_url}", err=True)
